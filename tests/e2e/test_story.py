"""The story of an account, lived in a browser: with JavaScript and without, on every engine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visitors
from tests.e2e.site import serve
from tests.services import ENGINES, scratch_database

FIRST, SECOND = "orchard lantern seven", "quiet river of copper"


# JavaScript knows nothing of databases: once with it is enough.
WAYS = [("sqlite", True), *((engine, False) for engine in ENGINES)]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{'with' if way[1] else 'without'}-js")
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    engine, javascript = request.param
    with (
        scratch_database(engine) as url,
        serve(url) as site,
        Visitors(chromium, site).page(java_script_enabled=javascript, base_url=site.url) as page,
    ):
        yield page


def test_sign_up_log_out_log_in_change_the_password(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    fill(page, name="Alice", email="alice@example.com", password=FIRST)
    press(page, "Create an account")
    expect(page).to_have_url("/account")

    log_out(page)
    page.goto("/account/password")
    expect(page).to_have_title("Log in · Gatehouse")

    fill(page, identifier="alice", password=FIRST)
    press(page, "Log in")
    expect(page).to_have_url("/account/password")

    fill(page, current_password=FIRST, password=SECOND)
    press(page, "Change password")
    expect(page.get_by_role("status").filter(has_text="Password changed")).to_be_visible()

    log_out(page)
    page.goto("/login")
    fill(page, identifier="Alice", password=FIRST)
    press(page, "Log in")
    expect(page).to_have_title("Error: Log in · Gatehouse")
    fill(page, password=SECOND)
    press(page, "Log in")
    expect(page).to_have_url("/account")


def fill(page: Page, **answers: str) -> None:
    for name, value in answers.items():
        page.locator(f"main [name={name}]").fill(value)


def press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=button, exact=True).click()


def log_out(page: Page) -> None:
    """Use the account menu, which is a <details> and needs no JavaScript."""
    page.locator("header summary").click()
    page.locator("header").get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/logout")
