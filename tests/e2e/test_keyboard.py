"""What a keyboard, a screen reader and an impatient finger meet."""

import re

from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import Visitors
from tests.e2e.site import PASSWORD, SAM, Site, send


def test_the_first_tab_skips_to_the_main_content(page: Page) -> None:
    page.goto("/login")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_refused_form_moves_the_focus_to_its_summary(page: Page) -> None:
    page.goto("/register")
    send(name="a@b", password="short")(page)

    summary = page.locator(":focus")
    expect(summary).to_contain_text("There is a problem")
    summary.get_by_role("link").first.click()
    expect(page.locator("[name=name]")).to_be_focused()


def test_every_error_of_the_summary_leads_to_its_field_and_stands_beside_it(page: Page) -> None:
    page.goto("/register")
    send(name="a@b", email="nobody", password="short")(page)

    links = page.get_by_role("alert").get_by_role("link").all()
    assert len(links) == 3
    for link in links:
        field = page.locator(link.get_attribute("href") or "nothing")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(re.escape(link.inner_text())))


def test_a_password_is_shown_and_hidden_and_never_sent_as_text(page: Page) -> None:
    page.goto("/login")
    password = page.locator("[name=password]")
    password.fill(PASSWORD)
    show = page.get_by_role("button", name="Show password")
    expect(password).to_have_attribute("type", "password")

    show.click()
    expect(password).to_have_attribute("type", "text")
    expect(page.get_by_text("Your password is shown")).to_have_count(1)
    page.get_by_role("button", name="Hide password").click()
    expect(password).to_have_attribute("type", "password")

    show.click()
    page.evaluate(
        "document.querySelector('main form').addEventListener('submit', e => e.preventDefault())"
    )
    page.locator("main").get_by_role("button", name="Log in").click()
    expect(password).to_have_attribute("type", "password")


def test_without_javascript_there_is_no_button_that_does_nothing(
    visitors: Visitors, site: Site
) -> None:
    with visitors.page(base_url=site.url, java_script_enabled=False) as page:
        page.goto("/login")
        expect(page.get_by_role("button", name="Show password")).to_be_hidden()


def test_two_quick_clicks_send_a_form_once(page: Page) -> None:
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route) if route.request.method == "POST" else route.continue_()

    page.route("**/login", hold)  # a slow server: the page stays, and invites another click
    page.goto("/login")
    box = page.locator("main [type=submit]").bounding_box() or {}

    def click() -> None:
        page.mouse.click(box["x"] + 10, box["y"] + 10)
        page.wait_for_timeout(50)

    click()
    click()
    page.wait_for_timeout(1000)
    assert len(sent) == 1
    click()
    page.wait_for_timeout(200)
    assert len(sent) == 2, "who waited a second means it"


def test_single_keys_do_nothing(adas_page: Page) -> None:
    """WCAG 2.1.4: who speaks to the computer, or types past a field, sets nothing off."""
    adas_page.goto("/account")
    before = adas_page.content()
    for key in "abcdefghijklmnopqrstuvwxyz0123456789?.":
        adas_page.keyboard.press(key)

    expect(adas_page).to_have_url("/account")
    assert adas_page.content() == before
    assert adas_page.evaluate("document.activeElement === document.body")


def test_a_slash_leads_to_the_search_and_no_other_key_does(visitors: Visitors, site: Site) -> None:
    with visitors.page(SAM, base_url=site.url) as page:
        page.goto("/admin/users")
        before = page.content()
        for key in "abcdefghijklmnopqrstuvwxyz0123456789?.":
            page.keyboard.press(key)
        assert page.content() == before

        page.keyboard.press("/")
        search = page.get_by_role("searchbox")
        expect(search).to_be_focused()
        page.keyboard.type("a/b")
        expect(search).to_have_value("a/b")


def test_escape_closes_the_account_menu(adas_page: Page) -> None:
    adas_page.goto("/account")
    menu = adas_page.locator("header summary")
    menu.focus()
    adas_page.keyboard.press("Enter")
    expect(adas_page.get_by_role("button", name="Log out")).to_be_visible()

    adas_page.keyboard.press("Escape")
    expect(adas_page.get_by_role("button", name="Log out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_the_chosen_colours_come_with_the_page(adas_page: Page) -> None:
    """By a cookie and an attribute: no flash of the other colours, and no script for it."""
    body, root = adas_page.locator("body"), adas_page.locator("html")
    adas_page.emulate_media(color_scheme="light")
    adas_page.goto("/account/appearance")
    bright = body.evaluate("body => getComputedStyle(body).backgroundColor")
    send(theme="dark")(adas_page)
    expect(root).to_have_attribute("data-theme", "dark")
    expect(body).not_to_have_css("background-color", bright)

    adas_page.emulate_media(color_scheme="dark")
    send(theme="light")(adas_page)
    expect(root).to_have_attribute("data-theme", "light")
    expect(body).to_have_css("background-color", bright)
