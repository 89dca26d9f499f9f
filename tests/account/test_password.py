"""Alice changes her password, and whoever else was in is out."""

import pytest
from flask import Flask

from app.accounts.models import User
from tests.browser import Browser
from tests.factories import PASSWORD

NEW = "purple monkey dishwasher"


def test_alice_changes_her_password(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    another_browser.log_in("alice", PASSWORD, remember=True)
    browser.log_in("alice", PASSWORD)

    page = browser.submit("/account/password", current_password=PASSWORD, password=NEW)

    assert page.path == "/account/password"
    assert "Password changed. We logged out 1 other device." in page
    assert browser.is_logged_in()
    assert not another_browser.is_logged_in()
    assert another_browser.log_in("alice", PASSWORD).status == 422
    assert another_browser.log_in("alice", NEW).path == "/account"


def test_the_cookie_from_before_the_change_is_dead(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    another_browser.with_cookies_of(browser)

    browser.submit("/account/password", current_password=PASSWORD, password=NEW)

    assert not another_browser.is_logged_in()


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("", NEW, "Enter your password."),
        ("wrong, but long enough", NEW, "This is not your current password."),
        (PASSWORD, "", "Enter a password."),
        (PASSWORD, "too short", "Use 15 characters or more."),
        (PASSWORD, "alice@example.com alice", "not made of your name"),
    ],
)
def test_a_refused_change_changes_nothing(
    browser: Browser, another_browser: Browser, alice: User, current: str, new: str, words: str
) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.submit("/account/password", current_password=current, password=new)

    assert page.status == 422
    assert page.text.count(words) == 2
    assert another_browser.log_in("alice", PASSWORD).path == "/account"


def test_without_the_current_password_field_nothing_changes(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)
    fields = browser.get("/account/password").form_with("password")["fields"]
    del fields["current_password"]

    assert browser.post("/account/password", fields | {"password": NEW}).status == 422


def test_guessing_the_current_password_ends_and_leaves_the_log_in_alone(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    for _ in range(10):
        browser.submit("/account/password", current_password="wrong guess", password=NEW)

    page = browser.submit("/account/password", current_password=PASSWORD, password=NEW)
    assert page.status == 429
    assert another_browser.log_in("alice", PASSWORD).path == "/account"


def test_a_stranger_s_failures_do_not_keep_the_owner_from_acting(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    for _ in range(11):
        another_browser.log_in("alice", "not the password")

    page = browser.submit("/account/password", current_password=PASSWORD, password=NEW)

    assert "Password changed." in page


def test_the_form_helps_a_password_manager(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    html = browser.get("/account/password").html

    assert 'autocomplete="username"' in html and 'value="alice"' in html
    assert 'autocomplete="current-password"' in html and 'autocomplete="new-password"' in html
    assert "onpaste" not in html


def test_a_manager_finds_the_form(app: Flask) -> None:
    response = app.test_client().get("/.well-known/change-password")

    assert response.status_code == 302
    assert response.headers["Location"].endswith("/account/password")
