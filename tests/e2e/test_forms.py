"""How a form and its answer behave in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Visitors
from tests.e2e.site import SCREENS, Screen, Site, send

FORMS = [screen for screen in SCREENS if screen.name in {"login", "register", "password"}]


@pytest.mark.parametrize("screen", FORMS, ids=lambda screen: screen.name)
def test_a_form_is_judged_by_the_server_alone(
    visitors: Visitors, site: Site, screen: Screen
) -> None:
    with visitors.page(screen.who, base_url=site.url) as page:
        page.goto(screen.path)
        assert page.locator("main form:not([novalidate])").count() == 0
        assert page.locator("main :is([required], [pattern], [minlength])").count() == 0


def test_a_refused_form_says_so_in_its_title_and_above_its_heading(page: Page) -> None:
    page.goto("/register")
    send(name="a@b", password="short")(page)

    expect(page).to_have_title("Error: Create an account · Gatehouse")
    headings = page.locator("main :is(h1, h2)").all_inner_texts()
    assert headings == ["There is a problem", "Create an account"]
    borders = page.locator("[name=name], [name=password]").evaluate_all(
        "fields => fields.map((field) => getComputedStyle(field).borderTopColor)"
    )
    plain = page.locator("main .problem").evaluate("e => getComputedStyle(e).borderTopColor")
    assert set(borders) == {plain}


def test_a_refused_form_keeps_everything_but_the_password(page: Page) -> None:
    page.goto("/register")
    send(name="a@b", email="ada@example.com", password="short")(page)

    expect(page.locator("[name=name]")).to_have_value("a@b")
    expect(page.locator("[name=email]")).to_have_value("ada@example.com")
    expect(page.locator("[name=password]")).to_have_value("")


def test_nothing_is_judged_before_it_is_sent(page: Page) -> None:
    page.goto("/register")
    page.locator("[name=email]").fill("nobody")
    page.keyboard.press("Tab")
    page.locator("[name=password]").press_sequentially("x")
    page.keyboard.press("Tab")

    expect(page.locator("[aria-invalid]")).to_have_count(0)
    assert page.locator(":user-invalid:is([pattern], [required])").count() == 0


def test_the_email_field_helps_whoever_types(page: Page) -> None:
    page.goto("/register")
    field = page.locator("[name=email]")

    for attribute, value in {
        "type": "email",
        "autocomplete": "email",
        "spellcheck": "false",
        "autocapitalize": "none",
    }.items():
        expect(field).to_have_attribute(attribute, value)
    expect(field).to_have_accessible_description(re.compile("forget your password"))
    room = field.evaluate(
        """(field) => {
          const style = getComputedStyle(field);
          const pen = document.createElement('canvas').getContext('2d');
          pen.font = style.font;
          const inner = field.clientWidth - parseFloat(style.paddingLeft) * 2;
          return inner / (pen.measureText('abcdefghijklmnopqrstuvwxyz').width / 26);
        }"""
    )
    assert room >= 30, "30 letters are in view on a phone"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/login", {"identifier": "username webauthn", "password": "current-password"}),
        ("/register", {"name": "username", "email": "email", "password": "new-password"}),
        (
            "/account/password",
            {"current_password": "current-password", "password": "new-password"},
        ),
    ],
)
def test_a_password_manager_knows_every_field(
    adas_page: Page, page: Page, address: str, expected: dict[str, str]
) -> None:
    shown = adas_page if address.startswith("/account") else page
    shown.goto(address)
    for name, purpose in expected.items():
        expect(shown.locator(f"main [name={name}]")).to_have_attribute("autocomplete", purpose)
    for field in shown.locator("main [autocomplete=new-password]").all():
        expect(field).to_have_attribute("passwordrules", re.compile("minlength: 15"))


def test_a_password_can_be_pasted_at_any_length(page: Page) -> None:
    page.goto("/register")
    field = page.locator("[name=password]")
    field.focus()
    page.keyboard.insert_text("x" * 300)  # what a paste does

    expect(field).to_have_value("x" * 300)
    assert field.get_attribute("onpaste") is None


def test_what_was_done_is_said_at_the_top_and_stays(adas_page: Page) -> None:
    adas_page.clock.install()
    adas_page.goto("/account/appearance")
    send(theme="system")(adas_page)

    notice = adas_page.locator("main > :first-child")
    expect(notice).to_have_attribute("role", "status")
    expect(notice).to_contain_text("Colours saved")
    adas_page.clock.run_for("10:00")
    expect(notice).to_be_visible()
    adas_page.reload()
    expect(adas_page.get_by_text("Colours saved")).to_have_count(0)


def test_a_time_is_in_words_and_exact_underneath(adas_page: Page) -> None:
    adas_page.clock.install()
    adas_page.goto("/account")
    time = adas_page.locator("time").first
    expect(time).to_have_text(re.compile("ago$"))
    expect(time).to_have_attribute("title", re.compile(r"^\d+ \w+ \d{4}, \d\d:\d\d UTC$"))
    assert time.evaluate("time => !Number.isNaN(Date.parse(time.dateTime))")

    adas_page.clock.fast_forward("03:00:00")
    expect(time).to_have_text("3 hours ago")


def test_nothing_moves_for_somebody_who_asked_for_less_motion(page: Page) -> None:
    moving = """() => [...document.querySelectorAll('*')].filter((element) => {
      const style = getComputedStyle(element);
      const seconds = (text) => Math.max(...text.split(',').map(parseFloat));
      return seconds(style.transitionDuration) > 0 || seconds(style.animationDuration) > 0;
    }).length"""
    page.emulate_media(reduced_motion="no-preference")
    page.goto("/login")
    assert page.evaluate(moving) > 0, "there is motion to be asked for less of"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_what_has_the_focus_wears_a_ring(page: Page) -> None:
    page.goto("/login")
    for _ in range(8):
        page.keyboard.press("Tab")
        ring = page.locator(":focus").evaluate(
            "e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth)]"
        )
        assert ring[0] != "none" and ring[1] >= 3, page.locator(":focus").inner_html()


def test_fields_and_buttons_keep_their_borders_under_forced_colours(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    page.goto("/login")
    drawn = "main :is([name=identifier], [name=password], [type=submit])"  # not by the system
    widths = page.locator(drawn).evaluate_all(
        "all => all.map((e) => parseFloat(getComputedStyle(e).borderTopWidth))"
    )
    assert len(widths) == 3
    assert min(widths) >= 1
