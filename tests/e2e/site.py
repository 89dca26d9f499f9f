"""The real site on a port of this machine, and the screens that it can show."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import sqlalchemy as sa
from flask import Flask, abort
from flask_migrate import upgrade
from playwright.sync_api import Page
from werkzeug.serving import WSGIRequestHandler, make_server

from app import clock, create_app
from app.accounts import registration
from app.accounts.models import UserSession
from app.audit import Actor
from app.db import Busy, affected, atomic
from app.throttle import Exceeded
from app.web.guards import public

PASSWORD = "orchard lantern seven"


class Quiet(WSGIRequestHandler):
    def log_request(self, *args: object) -> None:
        """Leave the output to pytest."""


@dataclass(frozen=True)
class Site:
    app: Flask
    url: str

    def settle(self) -> None:
        """Let the people of SCREENS move in; PASSWORD is everybody's."""
        with self.app.app_context():
            here, operator = Actor.visitor("127.0.0.1"), Actor.operator()
            registration.create(ADA, "ada.lovelace@example.com", PASSWORD, by=operator)
            registration.register(BLAISE, "blaise.pascal@gmial.com", PASSWORD, by=here)
            registration.create(GRACE, None, PASSWORD, by=operator)
            longest = f"{'w' * 64}@{'w' * 60}.{'w' * 60}.example.com"
            registration.create(LONGEST, longest, PASSWORD, by=operator)

    def let_confirmations_lapse(self) -> None:
        """Make it long ago that anybody proved who they are."""
        with self.app.app_context():
            lapse()


@atomic
def lapse() -> None:
    affected(sa.update(UserSession).values(confirmed_at=None))


@contextmanager
def serve(database_url: str) -> Iterator[Site]:
    """Run the site on a new database, on loopback, until the end of the block."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": database_url, "TEMPLATES_AUTO_RELOAD": False})
    app.add_url_rule("/broken/<int:code>", "broken", public(broken))
    # Of its own: the site's logger is shared with every other test of this process.
    app.logger = logging.Logger("quiet", logging.CRITICAL)
    with app.app_context():
        upgrade()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site(app, f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def broken(code: int) -> None:
    """Answer with an error that nobody can cause at will."""
    match code:
        case 429:
            raise Exceeded(clock.now() + timedelta(minutes=12))
        case 500:
            raise RuntimeError("broken on purpose")
        case 503:
            raise Busy
    abort(code)


def send(**answers: str) -> Callable[[Page], None]:
    """Fill in the form of the page and send it with its own button."""

    def fill_and_send(page: Page) -> None:
        for name, value in answers.items():
            field = page.locator(f"main [name={name}]")
            if field.first.get_attribute("type") == "radio":
                page.locator(f"main [name={name}][value={value}]").check()
            else:
                field.fill(value)
        button = page.locator("main form [type=submit], main form button:not([type])").first
        with page.expect_navigation():  # and its stylesheet: what is measured next depends on it
            button.click()

    return fill_and_send


def with_a_stale_token(page: Page) -> None:
    page.context.clear_cookies()
    send(identifier="Eve", password=PASSWORD)(page)


def by_the_wrong_method(page: Page) -> None:
    script = (
        "f = document.createElement('form'); f.method = 'post'; document.body.append(f); f.submit()"
    )
    with page.expect_navigation():
        page.evaluate(script)


def act(page: Page) -> None:
    """Ask for an act that needs a confirmation."""
    page.evaluate(
        "document.querySelector('[action$=logout]').action = '/account/sessions/others/end'"
    )
    with page.expect_navigation():
        page.evaluate("document.querySelector('[action$=end]').submit()")


def act_and_confirm(page: Page) -> None:
    act(page)
    send(password=PASSWORD)(page)


STRANGER = ""
ADA = "Ada"
BLAISE = "Blaise"  # his address waits to be confirmed, and looks like a slip
GRACE = "Grace"  # came without an address
LONGEST = "W" * 32  # and an address as long as they come


@dataclass(frozen=True)
class Screen:
    """One page in one state: where it is, who looks at it, and what they did there."""

    name: str
    endpoint: str
    path: str
    who: str = STRANGER
    then: Callable[[Page], None] | None = None
    unconfirmed: bool = False

    def open(self, page: Page, site: Site) -> None:
        if self.unconfirmed:
            site.let_confirmations_lapse()
        page.goto(site.url + self.path)
        if self.then:
            self.then(page)
        assert page.locator("h1").count() == 1, f"{self.name} did not come:\n{page.content()}"


# Every page that a browser can be shown. A route without a line here fails a test.
SCREENS = [
    Screen("home", "site.home", "/"),
    Screen("register", "auth.register", "/register"),
    Screen(
        "register-refused", "auth.register", "/register", then=send(name="a@b", password="short")
    ),
    Screen("login", "auth.login", "/login"),
    Screen("login-refused", "auth.login", "/login", then=send(identifier="Eve", password="wrong")),
    Screen("login-stale", "auth.login", "/login", then=with_a_stale_token),
    Screen("login-asked-for", "auth.login", "/account/password"),
    Screen("logout", "auth.logout", "/logout", ADA),
    Screen("logged-out", "auth.logout", "/logout"),
    Screen("account", "account.overview", "/account", ADA),
    Screen("account-unconfirmed", "account.overview", "/account", BLAISE),
    Screen("account-without-address", "account.overview", "/account", GRACE),
    Screen("account-longest", "account.overview", "/account", LONGEST),
    Screen("password", "account.password", "/account/password", ADA),
    Screen(
        "password-refused",
        "account.password",
        "/account/password",
        ADA,
        then=send(current_password="wrong", password="short"),
    ),
    Screen("sessions", "account.sessions", "/account/sessions", ADA),
    Screen("confirm", "auth.confirm", "/account", GRACE, then=act, unconfirmed=True),
    Screen(
        "go-on",
        "auth.confirm",
        "/account",
        GRACE,
        then=act_and_confirm,
        unconfirmed=True,
    ),
    Screen("appearance", "account.appearance", "/account/appearance", ADA),
    Screen(
        "appearance-saved",
        "account.appearance",
        "/account/appearance",
        ADA,
        then=send(theme="system"),
    ),
    Screen("components", "dev.components", "/dev/components"),
    Screen("not-found", "error", "/nowhere"),
    Screen("not-found-person", "error", "/nowhere", ADA),
    Screen("wrong-method", "error", "/", then=by_the_wrong_method),
    *(
        Screen(f"error-{code}", "error", f"/broken/{code}")
        for code in (403, 413, 422, 429, 500, 503)
    ),
    *(Screen(f"error-{code}-person", "error", f"/broken/{code}", ADA) for code in (403, 429, 500)),
]

# Routes that answer without a page.
NO_PAGE = {
    "static": "files",
    "site.up": "a word for machines",
    "site.ready": "a word for machines",
    "site.robots": "a file for machines",
    "site.change_password": "a redirect",
    "account.end_session": "an act, then the list",
    "account.end_other_sessions": "an act, then the list",
}
