"""Every page of the site, held to the same promises; a new route without a screen fails."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, Route

from app import create_app
from app.web.headers import CONTENT_SECURITY_POLICY
from tests.e2e.browser import Visitors
from tests.e2e.promises import NARROW, Watched
from tests.e2e.site import NO_PAGE, SCREENS, STRANGER, Screen, Site

BROKEN = {
    "policy: style-src": "<p style='margin: 0'>styled on the spot</p>",
    "axe, light: label": "<input class='input' style='height: 44px; font-size: 16px'>",
    "axe, dark: color-contrast": "<p class='pale'>hard to read at night</p>",
    "smaller than 24 px": "<button class='small'>x</button>",
    "lower than 44 px": "<button class='btn small'>x</button>",
    "type smaller than 16 px": "<label>Name <input class='small'></label>",
    "disabled": "<button disabled>Not yet</button>",
    "judged by the browser": "<form><label>Name <input></label></form>",
    "not in sentence case": "<button class='btn'>Save It</button>",
    "not at the left": "<form class='stack'><button class='btn moved'>Save</button></form>",
    "a table without a caption": "<table><tr><td>1</td></tr></table>",
    "a cell that does not say what it holds": (
        "<table class='cards'><tr><td data-label='Name'>x</td></tr></table>"
    ),
    "a second primary button": "<i class='primary'>A</i> <i class='primary'>B</i>",
    "wider than 320 px": "<div class='wide'>wide</div>",
    "console": "<script src='/static/gone.js'></script>",
}
BROKEN_CSS = """
  .small { padding: 0; border: 0; height: 20px; width: 20px; font-size: 12px }
  .wide { width: 350px }
  .moved { margin-left: 50px }
  @media (prefers-color-scheme: dark) { .pale { background: #000; color: #222 } }
"""


@pytest.fixture(scope="module")
def seen_by(visitors: Visitors) -> Iterator[Callable[[str], Watched]]:
    """Return what gives the page of a person, who goes from one screen to the next in it.

    A browser of its own for each screen takes three times the work.
    """
    with ExitStack() as pages:

        @functools.cache
        def watched(who: str) -> Watched:
            return Watched(pages.enter_context(visitors.page(who)))

        yield watched


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_page_keeps_its_promises(
    seen_by: Callable[[str], Watched], site: Site, screen: Screen
) -> None:
    watched = seen_by(screen.who)
    watched.leave(f"{site.url}/robots.txt")
    if screen.who == STRANGER:
        watched.page.context.clear_cookies()
    screen.open(watched.page, site)
    assert watched.breaches() == []


@pytest.mark.parametrize("who", sorted({screen.who for screen in SCREENS}))
def test_a_page_keeps_its_promises_without_javascript(
    chromium: Browser, site: Site, who: str
) -> None:
    # Logged in anew: a confirmation gives the session another secret, which the first pass keeps.
    visitors, breaches = Visitors(chromium, site), {}
    with visitors.page(who, java_script_enabled=False, viewport=NARROW) as page:
        watched = Watched(page)
        for screen in SCREENS:
            if screen.who == who:
                watched.said.clear()
                if who == STRANGER:
                    page.context.clear_cookies()
                screen.open(page, site)
                breaches[screen.name] = watched.breaches_without_javascript()
    assert {name: found for name, found in breaches.items() if found} == {}


def test_every_route_has_its_screen() -> None:
    shown = {screen.endpoint for screen in SCREENS} - {"error"}
    routes = {rule.endpoint for rule in create_app().url_map.iter_rules()}
    assert routes == shown | NO_PAGE.keys(), "give each route a line in SCREENS or in NO_PAGE"


@pytest.mark.parametrize(
    ("screen", "fault"),
    [
        (Screen("gone", "site.home", "/nowhere"), "gone came with 404"),
        (Screen("well", "error", "/", statuses=(500,)), "well came with 200"),
        (Screen("elsewhere", "account.overview", "/account"), "elsewhere became .*/login"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_screen_that_shows_something_else_is_found_out(
    page: Page, site: Site, screen: Screen, fault: str
) -> None:
    with pytest.raises(AssertionError, match=fault):
        screen.open(page, site)


def test_a_page_that_breaks_its_promises_is_found_out(visitors: Visitors, site: Site) -> None:
    """Each check can fail: a page that breaks all of them is complained about by each."""
    with visitors.page(base_url=site.url) as page:
        page.route("**/broken.html", serve_broken)
        page.route(
            "**/broken.css", lambda route: route.fulfill(body=BROKEN_CSS, content_type="text/css")
        )
        watched = Watched(page)
        page.goto("/broken.html")
        breaches = watched.breaches()
        idle = watched.breaches_without_javascript()
    assert any(breach.startswith("does nothing without a script: <button") for breach in idle)
    assert [kind for kind in BROKEN if not any(b.startswith(kind) for b in breaches)] == []


def serve_broken(route: Route) -> None:
    parts = "".join(BROKEN.values())
    route.fulfill(
        content_type="text/html",
        headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
        body=f"<!doctype html><html lang=en><title>Broken</title>"
        f"<link rel=stylesheet href=/broken.css><main><h1>Broken</h1>{parts}</main>",
    )
