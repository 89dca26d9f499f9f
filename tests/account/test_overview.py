"""What people see of their own account."""

import pytest
from flask import Flask

from app.accounts import hashing
from app.accounts.models import User
from app.db import atomic, db
from tests.browser import Browser
from tests.conftest import counted
from tests.factories import PASSWORD


def test_alice_sees_who_she_is(browser: Browser, alice: User) -> None:
    page = browser.log_in("alice", PASSWORD)

    assert "alice@example.com" in page
    assert "Confirmed" in page


def test_a_claim_is_shown_as_one(browser: Browser) -> None:
    page = browser.sign_up("bob")

    assert "bob@example.com is not confirmed yet" in page


@atomic
def add_from_the_tutorial() -> None:
    db.session.add(User(name="Old Bob", password_hash=hashing.make("short")))


def test_somebody_of_the_tutorial_is_told_that_an_address_is_missing(
    browser: Browser, app: Flask
) -> None:
    with app.app_context():
        add_from_the_tutorial()

    page = browser.log_in("Old Bob", "short")

    assert "This account has no email address." in page
    assert "Missing" in page


@pytest.mark.parametrize("address", ["/account", "/account/password", "/account/appearance"])
def test_a_stranger_is_asked_to_log_in(browser: Browser, address: str) -> None:
    page = browser.get(address)

    assert page.path == "/login"
    assert page.value("next") == address


def test_an_address_for_a_stranger_s_post_is_not_a_page_to_come_back_to(app: Flask) -> None:
    browser = Browser(app.test_client())
    token = browser.get("/login").form_with("identifier")["fields"]["csrf_token"]

    page = browser.post("/account/password", {"csrf_token": token, "password": "x"})

    assert page.path == "/login"
    assert page.value("next") == ""


def test_the_first_page_leads_somebody_logged_in_to_the_account(
    browser: Browser, alice: User
) -> None:
    assert browser.get("/").path == "/"
    browser.log_in("alice", PASSWORD)
    assert browser.get("/").path == "/account"


def test_a_page_costs_one_statement_and_a_stranger_s_none(
    app: Flask, alice: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(app, monkeypatch) as notes:
        for address in ("/", "/login", "/register", "/nowhere"):
            browser.get(address)
    assert notes["sql"] == []

    browser.log_in("alice", PASSWORD)
    with counted(app, monkeypatch) as notes:
        browser.get("/account")
    assert len(notes["sql"]) == 1
