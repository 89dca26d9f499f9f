"""The address of an account: what it is, whether it is confirmed, and the claim that waits."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts.models import User
from app.db import db
from tests import factories
from tests.browser import Browser
from tests.conftest import counted
from tests.factories import PASSWORD
from tests.outbox import Outbox

MAILED = "A mail is on its way to that address."
BOB = "bob@example.com"


@pytest.fixture
def grace(app: Flask) -> User:
    with app.app_context():
        return factories.without_address("grace")


def stored(app: Flask, name: str) -> User:
    with app.app_context():
        return db.session.scalars(sa.select(User).where(User.name == name)).one()


def test_alice_sees_that_her_address_is_confirmed(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.get("/account/email")

    assert "alice@example.com Confirmed" in page
    assert not [form for form in page.forms if "email" in form["fields"]]


def test_somebody_of_the_tutorial_adds_an_address(
    app: Flask, browser: Browser, outbox: Outbox, grace: User
) -> None:
    browser.log_in("grace", PASSWORD)
    assert "Missing Add an address" in browser.get("/account")

    page = browser.submit("/account/email", email=" Grace@example.com ")

    assert MAILED in page
    assert "Grace@example.com Not confirmed" in page
    browser.submit("/verify", code=outbox.code_to("Grace@example.com"))
    assert stored(app, "grace").email == "Grace@example.com"


def test_bob_corrects_the_claim_and_what_was_mailed_before_is_dead(
    app: Flask, browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob", email="bob@gmial.com")
    link, code = outbox.link_to("bob@gmial.com"), outbox.code_to("bob@gmial.com")
    assert "Did you mean bob@gmail.com?" in browser.get("/account/email")

    browser.submit("/account/email", email="bob@gmail.com")

    assert "This link has expired" in browser.get(link)
    assert "This is not the code" in browser.submit("/verify", code=code)
    newer = outbox.link_to("bob@gmail.com")
    browser.press(newer, newer)
    assert stored(app, "bob").email == "bob@gmail.com"


def test_sent_again_the_mail_before_is_dead(browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")
    before = outbox.link_to(BOB)

    page = browser.press("/account", "/account/email/send-again")

    assert MAILED in page
    assert "This link has expired" in browser.get(before)
    after = outbox.link_to(BOB)
    assert "confirmed" in browser.press(after, after)


def test_bob_cancels_the_claim(app: Flask, browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")
    link = outbox.link_to(BOB)

    page = browser.press("/account/email", "/account/email/cancel")

    assert "That address was let go." in page
    assert "This link has expired" in browser.get(link)
    assert stored(app, "bob").pending_email is None


@pytest.mark.parametrize("address", ["/account", "/account/sessions", "/account/password"])
def test_every_page_of_the_account_says_that_a_claim_waits(browser: Browser, address: str) -> None:
    browser.sign_up("bob")

    page = browser.get(address)

    assert "bob@example.com is not confirmed yet. Until it is, log in with your name." in page
    assert [form for form in page.forms if form["action"] == "/account/email/send-again"]
    assert "Enter the code" in page


def test_the_account_page_still_costs_one_statement(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_up("bob")

    with counted(app, monkeypatch) as notes:
        browser.get("/account")

    assert len(notes["sql"]) <= 2


def test_a_while_after_the_log_in_a_change_waits_for_a_confirmation(
    app: Flask, browser: Browser
) -> None:
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as now:
        browser.sign_up("bob")
        now.shift(timedelta(minutes=16))

        asked = browser.submit("/account/email", email="mallory@example.com")
        assert asked.path == "/confirm"
        assert stored(app, "bob").pending_email == BOB

        go_on = browser.fill(asked, password=PASSWORD)
        page = browser.fill(go_on, email="mallory@example.com")

    assert page.path == "/account/email"
    assert stored(app, "bob").pending_email == "mallory@example.com"


def test_a_known_address_is_answered_like_an_unknown_one(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    pages = []
    for number, email in enumerate(["alice@example.com", "nobody@example.com"]):
        bob = Browser(app.test_client(), ip=f"192.0.2.{number}")
        bob.sign_up(f"bob{number}", email=f"bob{number}@example.com")
        pages.append(bob.submit("/account/email", email=email))
        pages.append(bob.press("/account/email", "/account/email/send-again"))

    texts = [page.text.replace("nobody@", "alice@").replace("bob1", "bob0") for page in pages]
    assert texts[:2] == texts[2:]
    assert {page.status for page in pages} == {200}
    subjects = [mail["Subject"] for mail in outbox.mails(alice)]
    assert subjects == ["You already have an account"] * 2


@pytest.mark.parametrize(
    "typed", ["", "bob", "a@example.com,b@example.com", "bob@example.com\r\nBcc: x@example.com"]
)
def test_what_is_no_address_is_refused_and_the_claim_stays(
    app: Flask, browser: Browser, typed: str
) -> None:
    browser.sign_up("bob")

    page = browser.submit("/account/email", email=typed)

    assert page.status == 422
    assert stored(app, "bob").pending_email == BOB


def test_whoever_has_an_address_cannot_post_another(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    token = browser.get("/account/email").form_with("csrf_token")["fields"]

    page = browser.post("/account/email", token | {"email": "mallory@example.com"})

    assert page.status == 422
    assert "It cannot be changed here yet." in page
    assert (stored(app, "alice").email, stored(app, "alice").pending_email) == (alice.email, None)


def test_corrections_and_repeats_are_limited_by_where_they_come_from(browser: Browser) -> None:
    browser.sign_up("bob")
    pages = [browser.press("/account/email", "/account/email/send-again") for _ in range(21)]

    assert [page.status for page in pages] == [200] * 20 + [429]
