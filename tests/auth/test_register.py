"""A stranger becomes somebody."""

import pytest
from flask import Flask

from app.accounts.models import User
from app.db import db
from tests.browser import Browser
from tests.factories import PASSWORD


@pytest.mark.usefixtures("full_hashes")
def test_bob_signs_up_and_is_logged_in_at_once(browser: Browser, app: Flask) -> None:
    page = browser.sign_up("bob")

    assert page.path == "/account"
    assert "bob" in page
    with app.app_context():
        bob = db.session.scalars(db.select(User)).one()
        assert (bob.email, bob.pending_email) == (None, "bob@example.com")
        assert bob.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_address_is_a_claim_that_cannot_be_used_to_log_in(
    browser: Browser, another_browser: Browser
) -> None:
    browser.sign_up("bob")

    page = another_browser.log_in("bob@example.com", PASSWORD)

    assert page.status == 422
    assert another_browser.log_in("bob", PASSWORD).path == "/account"


def test_a_claim_blocks_nobody(browser: Browser, another_browser: Browser) -> None:
    browser.sign_up("bob", email="same@example.com")

    assert another_browser.sign_up("carol", email="same@example.com").path == "/account"


def test_a_known_address_is_received_like_an_unknown_one(browser: Browser, alice: User) -> None:
    page = browser.sign_up("mallory", email=alice.email)

    assert page.path == "/account"
    assert browser.is_logged_in()


@pytest.mark.parametrize("name", ["alice", "ALICE", " Alice ", "ＡＬＩＣＥ"])
def test_a_taken_name_is_said_beside_its_field(browser: Browser, alice: User, name: str) -> None:
    page = browser.sign_up(name, email="somebody@example.com")

    assert page.status == 422
    assert page.text.count("This name is taken. Choose another.") == 2  # the summary, the field
    assert page.value("email") == "somebody@example.com"
    assert page.value("password") == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Enter a name."),
        ("name", "x" * 33, "Enter a name of 32 characters or fewer."),
        ("name", "bob@home", "Enter a name without @."),
        ("name", "bob＠home", "Enter a name without @."),
        ("name", "bob\0", "Enter a name without invisible or control characters."),
        ("name", "bob\u202e", "Enter a name without invisible or control characters."),
        ("email", "", "Enter your email address."),
        ("email", "bob", "Enter an email address in the correct format, like name@example.com."),
        ("email", "a@" + "b" * 300 + ".com", "Enter an email address in the correct format"),
        ("email", "a@example.com\r\nBcc: b@example.com", "Enter an email address in the correct"),
        ("password", "", "Enter a password."),
        ("password", "fourteen chars", "Use 15 characters or more."),
        ("password", "x" * 257, "Use 256 characters or fewer."),
        ("password", "passwordpassword", "This password is common or easy to guess."),
        ("password", "bob@example.com bob", "not made of your name, your address or this site"),
        ("password", "Gatehouse gatehouse", "not made of your name, your address or this site"),
    ],
)
def test_what_cannot_be_accepted_is_said_and_nothing_is_lost(
    browser: Browser, field: str, value: str, words: str
) -> None:
    answers = {"name": "bob", "email": "bob@example.com", field: value}

    page = browser.sign_up(**answers)

    assert page.status == 422
    assert page.text.count(words) == 2, page
    kept = "name" if field != "name" else "email"
    assert page.value(kept) == answers[kept]
    assert not browser.is_logged_in()


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "only lower case and spaces",
        "пятнадцать и больше знаков",
        "🦊 jumps over 🐢 twice a day",
        "purple monkey dishwasher" * 8,
    ],
)
def test_any_character_will_do_and_no_kind_is_asked_for(browser: Browser, password: str) -> None:
    assert browser.sign_up("bob", password=password).path == "/account"
    browser.log_out()
    assert browser.log_in("bob", password).path == "/account"


def test_ten_sign_ups_an_hour_from_one_address(app: Flask) -> None:
    for number in range(10):
        assert Browser(app.test_client()).sign_up(f"bob{number}").path == "/account"

    page = Browser(app.test_client()).sign_up("bob10")

    assert page.status == 429
    assert 0 < int(page.headers["Retry-After"]) <= 3600
    assert Browser(app.test_client(), ip="192.0.2.9").sign_up("bob10").path == "/account"


def test_a_refused_sign_up_costs_nothing(browser: Browser, alice: User) -> None:
    for _ in range(12):
        assert browser.sign_up("alice", email="bob@example.com").status == 422
    assert browser.sign_up("bob").path == "/account"


def test_fields_that_nobody_asked_for_change_nothing(browser: Browser, app: Flask) -> None:
    page = browser.get("/register")
    answers = page.form_with("name")["fields"] | {
        "name": "bob",
        "email": "bob@example.com",
        "password": PASSWORD,
        "id": "1000",
        "email_key": "bob@example.com",
        "password_hash": "x",
        "created_at": "1999-01-01",
        "is_admin": "1",
    }

    browser.post("/register", answers)

    with app.app_context():
        bob = db.session.scalars(db.select(User)).one()
        assert (bob.id, bob.email_key) == (1, None)
        assert bob.created_at is not None and bob.created_at.year > 2000


def test_the_page_of_somebody_logged_in_leads_to_the_account(browser: Browser) -> None:
    browser.sign_up("bob")

    assert browser.get("/register").path == "/account"


def test_bob_is_asked_whether_he_meant_another_address(browser: Browser) -> None:
    assert "bob@gmail.com" in browser.sign_up("bob", email="bob@gmial.com")


def test_the_same_story_on_each_database(each_app: Flask) -> None:
    browser = Browser(each_app.test_client())

    assert browser.sign_up("Björn 🦊", email="b@example.com").path == "/account"
    assert browser.log_out().path == "/logout"
    assert browser.log_in("björn 🦊", PASSWORD).path == "/account"
    assert Browser(each_app.test_client()).sign_up("BJÖRN 🦊", email="c@example.com").status == 422
