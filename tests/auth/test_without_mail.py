"""MAIL_SERVER=none: no address can be proved, so it counts as given, and a taken one is said."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import User
from app.db import db
from app.mail import Mail
from tests import factories
from tests.browser import Browser
from tests.factories import PASSWORD

TAKEN = "This email address belongs to another account."


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(MAIL_SERVER="none")


def test_bobs_address_counts_as_confirmed_when_given(app: Flask, browser: Browser) -> None:
    page = browser.sign_up("bob")

    assert "not confirmed" not in page
    browser.log_out()
    assert browser.log_in("bob@example.com", PASSWORD).path == "/account"
    with app.app_context():
        bob = db.session.scalars(sa.select(User)).one()
        assert (bob.email, bob.pending_email, bob.origin) == (
            "bob@example.com",
            None,
            "registration",
        )
        assert db.session.scalar(sa.select(sa.func.count(Mail.id))) == 0


def test_no_form_says_that_an_address_helps_to_get_back_in(app: Flask, browser: Browser) -> None:
    with app.app_context():
        factories.without_address("grace")
    assert "You can log in with it, as with your name." in browser.get("/register")

    browser.log_in("grace", PASSWORD)
    page = browser.get("/account/email")

    assert "You can log in with it" in page and "forget your password" not in page


def test_a_taken_address_is_said_plainly(browser: Browser, alice: User) -> None:
    page = browser.sign_up("mallory", email="ALICE@example.com")

    assert page.status == 422
    assert page.text.count(TAKEN) == 2  # the summary, the field
    assert page.value("name") == "mallory"


def test_no_link_is_promised_and_the_staff_are_pointed_to(browser: Browser, alice: User) -> None:
    page = browser.get("/password/forgotten")
    form = browser.get("/login").form_with("csrf_token")["fields"]
    posted = browser.post("/password/forgotten", form | {"email": "alice@example.com"})

    for answer in (page, posted):
        assert "This site sends no mail. Ask the people who run it" in answer
        assert not [form for form in answer.forms if "email" in form["fields"]]


def test_an_address_is_added_at_once(app: Flask, browser: Browser, alice: User) -> None:
    with app.app_context():
        factories.without_address("grace")
    browser.log_in("grace", PASSWORD)

    taken = browser.submit("/account/email", email="alice@example.com")
    page = browser.submit("/account/email", email="grace@example.com")

    assert taken.status == 422
    assert TAKEN in taken
    assert "Email address saved." in page
    assert "grace@example.com Confirmed" in page


def test_a_link_that_the_operator_printed_works(app: Flask, browser: Browser, alice: User) -> None:
    with app.app_context():
        secret = factories.reset_link(alice)

    page = browser.submit(f"/password/reset/{secret}", password="orchard lantern seven")

    assert page.path == "/login"
    assert browser.log_in("alice@example.com", "orchard lantern seven").path == "/account"
