"""The story of an account, lived in a browser: with JavaScript and without, on every engine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.accounts import setup
from app.audit import Actor
from tests.e2e.browser import Visitors
from tests.e2e.site import Site, serve, working
from tests.services import ENGINES, scratch_database

FIRST, SECOND, THIRD = "orchard lantern seven", "quiet river of copper", "seven green umbrellas"


# JavaScript knows nothing of databases: once with it is enough.
WAYS = [("sqlite", True), *((engine, False) for engine in ENGINES)]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{'with' if way[1] else 'without'}-js")
def way(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def stage(way: tuple[str, bool]) -> Iterator[Site]:
    """A site of its own, with a worker beside it as `make run` has one."""
    with scratch_database(way[0]) as url, serve(url) as site, working(site):
        yield site


@pytest.fixture
def visitors(way: tuple[str, bool], stage: Site, chromium: Browser) -> Visitors:
    return Visitors(chromium, stage)


@pytest.fixture
def page(way: tuple[str, bool], stage: Site, visitors: Visitors) -> Iterator[Page]:
    with visitors.page(java_script_enabled=way[1], base_url=stage.url) as page:
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


def test_from_the_first_mail_to_the_staff(page: Page, stage: Site, visitors: Visitors) -> None:
    page.goto("/register")
    fill(page, name="Alice", email="alice@example.com", password=FIRST)
    press(page, "Create an account")
    follow_mail(page, "Confirm your email address")
    press(page, "Confirm this address")
    expect(page.get_by_role("status").first).to_contain_text("address is confirmed")

    log_out(page)
    page.goto("/login")
    page.get_by_role("link", name="Choose a new one").click()
    fill(page, email="alice@example.com")
    press(page, "Send me a link")
    follow_mail(page, "Choose a new password")
    fill(page, password=SECOND)
    press(page, "Change password")
    expect(page).to_have_url("/login")
    log_in(page, "alice@example.com", SECOND)

    with visitors.page(base_url=stage.url) as elsewhere:
        log_in(elsewhere, "Alice", SECOND)
        page.goto("/account/sessions")
        press(page, re.compile("^Log out (?!all)"))
        elsewhere.goto("/account")
        expect(elsewhere).to_have_title("Log in · Gatehouse")

    log_out(page)
    become_administrator(page, stage)
    page.get_by_role("link", name="People").first.click()
    fill(page, q="alice@")
    press(page, "Search")
    page.locator("main").get_by_role("link", name="Alice").click()
    page.get_by_role("link", name="Deactivate").click()
    fill(page, reason="Left the company")
    press(page, "Deactivate the account")
    expect(page.locator("main")).to_contain_text("Deactivated")

    log_out(page)
    page.goto("/login")
    fill(page, identifier="Alice", password=SECOND)
    press(page, "Log in")
    expect(page.locator("main .problem")).to_contain_text("deactivated")


def become_administrator(page: Page, site: Site) -> None:
    with site.app.app_context():
        link = setup.make_link(by=Actor.operator())
    page.goto(str(link))
    fill(page, name="Root", email="root@example.com", password=THIRD)
    press(page, "Become the administrator")
    expect(page).to_have_url("/admin")


def follow_mail(page: Page, subject: str) -> None:
    """Wait for the newest mail, as somebody does who looks again, and open the link in it."""
    letter = page.locator("main section", has=page.get_by_role("heading", name=subject))
    for _ in range(40):
        page.goto("/dev/mail")
        if letter.count():
            break
        page.wait_for_timeout(250)
    letter.locator(".letter a").first.click()


def fill(page: Page, **answers: str) -> None:
    for name, value in answers.items():
        page.locator(f"main [name={name}]").fill(value)


def press(page: Page, button: str | re.Pattern[str]) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=button, exact=True).click()


def log_in(page: Page, identifier: str, password: str) -> None:
    page.goto("/login")
    fill(page, identifier=identifier, password=password)
    press(page, "Log in")
    expect(page).to_have_url("/account")


def log_out(page: Page) -> None:
    """Use the account menu, which is a <details> and needs no JavaScript."""
    page.locator("header summary").click()
    page.locator("header").get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/logout")
