"""A new password by a mailed link: single use, thirty minutes, the newest only, and no log-in."""

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts import addresses, recovery
from app.accounts.models import User
from app.audit import Actor, AuditEvent
from app.db import db
from tests import factories
from tests.browser import Browser
from tests.factories import PASSWORD
from tests.outbox import Outbox, text_of

EXPIRED = "This link has expired or was used before."
NEW = "orchard lantern seven"


def link_for(browser: Browser, outbox: Outbox, user: User) -> str:
    browser.submit("/password/forgotten", email=user.email)
    return outbox.link_to(user)


def test_alice_chooses_a_new_password_and_logs_in_with_it(
    browser: Browser, outbox: Outbox, alice: User
) -> None:
    page = browser.submit(link_for(browser, outbox, alice), password=NEW)

    assert page.path == "/login"
    assert "Password changed" in page
    assert not browser.is_logged_in()
    assert browser.log_in("alice", PASSWORD).status == 422
    assert browser.log_in("alice@example.com", NEW).path == "/account"


def test_every_browser_is_logged_out(
    browser: Browser, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    another_browser.log_in("alice", PASSWORD, remember=True)
    browser.log_in("alice", PASSWORD)

    browser.submit(link_for(browser, outbox, alice), password=NEW)

    assert not another_browser.is_logged_in()
    assert not browser.is_logged_in()


def test_alice_is_told_afterwards_and_the_mail_holds_no_password(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    browser.submit(link_for(browser, outbox, alice), password=NEW)

    mail = outbox.to(alice)
    assert mail["Subject"] == "Your password was changed"
    assert NEW not in text_of(mail)
    assert outbox.link_to(alice) == "/password/forgotten"
    with app.app_context():
        events = db.session.scalars(sa.select(AuditEvent.event).order_by(AuditEvent.id)).all()
    assert events[-1] == "password.reset"


def test_the_link_works_once(browser: Browser, outbox: Outbox, alice: User) -> None:
    link = link_for(browser, outbox, alice)
    answers = browser.get(link).form_with("password")["fields"]
    browser.post(link, answers | {"password": NEW})

    again = browser.post(link, answers | {"password": "purple monkey dishwasher"})

    assert again.status == 410
    assert EXPIRED in again
    assert EXPIRED in browser.get(link)
    assert "Ask for a new link" in again
    assert browser.log_in("alice", NEW).path == "/account"


def test_a_mailed_link_works_whatever_the_counters_say(
    browser: Browser, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    for _ in range(11):
        page = browser.log_in("alice", "not the password")
    assert page.status == 429

    page = browser.submit(link_for(browser, outbox, alice), password=NEW)

    assert "Password changed" in page
    assert another_browser.log_in("alice", NEW).status == 429, "counted by what is typed"
    assert another_browser.log_in("alice@example.com", NEW).path == "/account"


def test_the_link_works_for_thirty_minutes(browser: Browser, outbox: Outbox, alice: User) -> None:
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as now:
        link = link_for(browser, outbox, alice)
        now.shift(timedelta(minutes=30) - timedelta(seconds=1))
        page = browser.get(link)
        assert "Choose a new password" in page
        now.shift(timedelta(seconds=1))

        assert EXPIRED in browser.fill(page, password=NEW)
        assert EXPIRED in browser.get(link)


def test_only_the_newest_link_works(browser: Browser, outbox: Outbox, alice: User) -> None:
    older, newer = (link_for(browser, outbox, alice) for _ in range(2))

    assert older != newer
    assert EXPIRED in browser.get(older)
    assert browser.submit(newer, password=NEW).path == "/login"


def test_head_and_get_change_nothing(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    link = link_for(browser, outbox, alice)

    for _ in range(3):
        assert app.test_client().head(link).status_code == 200
        assert app.test_client().get(link).status_code == 200

    assert browser.log_in("alice", PASSWORD).path == "/account"
    assert browser.submit(link, password=NEW).path == "/login"


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "Enter a password."),
        ("too short", "Use 15 characters or more."),
        ("passwordpassword", "This password is common or easy to guess."),
        ("alice@example.com alice", "not made of your name"),
        ("x" * 257, "Use 256 characters or fewer."),
    ],
)
def test_a_refused_password_leaves_the_link_as_it_is(
    browser: Browser, outbox: Outbox, alice: User, password: str, words: str
) -> None:
    link = link_for(browser, outbox, alice)

    page = browser.submit(link, password=password)

    assert page.status == 422
    assert words in page
    assert browser.submit(link, password=NEW).path == "/login"


def test_a_password_that_was_changed_meanwhile_kills_the_link(
    browser: Browser, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    link = link_for(browser, outbox, alice)
    another_browser.log_in("alice", PASSWORD)
    another_browser.submit("/account/password", current_password=PASSWORD, password=NEW)

    assert EXPIRED in browser.get(link)
    assert outbox.to(alice)["Subject"] == "Your password was changed"


def test_a_link_of_one_purpose_is_no_good_for_another(
    browser: Browser, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    reset = link_for(browser, outbox, alice)
    another_browser.sign_up("bob")
    verify = outbox.link_to("bob@example.com")

    swapped = [
        f"/password/reset/{verify.rpartition('/')[2]}",
        f"/verify/{reset.rpartition('/')[2]}",
    ]

    assert all(EXPIRED in browser.get(link) for link in swapped)
    assert browser.submit(reset, password=NEW).path == "/login"
    assert "confirmed" in another_browser.press(verify, verify)


@pytest.mark.parametrize(
    "token", ["x", "%20", "%00", "%0d%0aX:%20y", "%ff%fe", "a" * 43, "%F0%9F%90%99", "x" * 8000]
)
def test_what_is_no_link_gets_the_page_of_an_expired_one(browser: Browser, token: str) -> None:
    answers = browser.get("/login").form_with("next")["fields"] | {"password": NEW}

    for page in (
        browser.get(f"/password/reset/{token}"),
        browser.post(f"/password/reset/{token}", answers),
    ):
        assert page.status == 410
        assert EXPIRED in page


def test_a_reset_confirms_no_claim(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    """Whoever reads the mail of one address has proved nothing about another."""
    browser.submit(link_for(browser, outbox, alice), password=NEW)

    with app.app_context():
        row = db.session.get_one(User, alice.id)
        assert (row.email, row.pending_email) == ("alice@example.com", None)


def test_the_token_reaches_no_third_place(
    app: Flask,
    browser: Browser,
    outbox: Outbox,
    alice: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    link = link_for(browser, outbox, alice)
    token = link.rpartition("/")[2]

    asked = browser.get(link)
    refused = browser.submit(link, password="too short")
    stale = browser.post(link, {"password": NEW})
    done = browser.submit(link, password=NEW)
    expired = browser.get(link)

    for page in (asked, refused, stale, expired):
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert done.headers["Referrer-Policy"] == "same-origin"  # the log-in page
    assert token not in done.html
    assert token not in caplog.text
    for page in (asked, refused, expired):
        assert "http://" not in page.html.replace("http://www.w3.org", "")
        assert "https://" not in page.html


def test_a_browser_that_hides_where_it_comes_from_can_still_reset(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    """no-referrer makes the Origin "null", which is all that an older browser sends."""
    link = link_for(browser, outbox, alice)
    client = app.test_client()
    answers = Browser(client).get(link).form_with("password")["fields"] | {"password": NEW}

    without_a_token = client.post(link, data={"password": NEW}, headers={"Origin": "null"})
    elsewhere = client.post("/login", data=answers, headers={"Origin": "null"})
    another_site = client.post(link, data=answers, headers={"Origin": "https://evil.example"})
    done = client.post(link, data=answers, headers={"Origin": "null"})

    assert [answer.status_code for answer in (without_a_token, elsewhere, another_site, done)] == [
        400,
        403,
        403,
        303,
    ]


def test_an_attacker_who_registered_alices_address_first_ends_up_with_nothing(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    """Pre-hijacking, arXiv 2205.10174: the account waits for its victim, with a session kept."""
    attacker, victim = another_browser, browser
    attacker.sign_up("mallory", email="victim@example.com", password=PASSWORD)
    confirm = outbox.link_to("victim@example.com")

    victim.press(confirm, confirm)  # whatever its page says
    victim.submit("/password/forgotten", email="victim@example.com")
    victim.submit(outbox.link_to("victim@example.com"), password=NEW)

    assert not attacker.is_logged_in()
    assert attacker.log_in("mallory", PASSWORD).status == 422
    assert attacker.log_in("victim@example.com", PASSWORD).status == 422
    assert victim.log_in("victim@example.com", NEW).path == "/account"


def test_an_attacker_s_claim_is_worth_nothing_once_the_owner_has_confirmed(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    attacker, victim = another_browser, browser
    attacker.sign_up("mallory", email="victim@example.com")
    trap = outbox.link_to("victim@example.com")
    victim.sign_up("victim", email="victim@example.com", password=NEW)
    own = outbox.link_to("victim@example.com")
    victim.press(own, own)

    clicked = victim.press(trap, trap)
    attacker.press("/account/email", "/account/email/send-again")

    assert "This email address belongs to another account." in clicked
    assert outbox.to("victim@example.com")["Subject"] == "You already have an account"
    with app.app_context():
        mallory = db.session.scalars(sa.select(User).where(User.name == "mallory")).one()
        assert mallory.email is None
    attacker.log_out()
    assert attacker.log_in("victim@example.com", PASSWORD).status == 422


def test_a_link_for_a_claim_that_was_corrected_is_dead(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    """The attacker's address first, then the victim's: the attacker's link must not confirm it."""
    attacker = another_browser
    attacker.sign_up("mallory", email="mallory@example.com")
    link, code = outbox.link_to("mallory@example.com"), outbox.code_to("mallory@example.com")
    attacker.submit("/account/email", email="victim@example.com")

    assert EXPIRED in attacker.get(link)
    assert "This is not the code" in attacker.submit("/verify", code=code)


def test_people_who_have_no_address_can_be_handed_a_link(app: Flask, browser: Browser) -> None:
    with app.app_context():
        grace = factories.without_address("grace")
        secret = factories.reset_link(grace)

    assert browser.submit(f"/password/reset/{secret}", password=NEW).path == "/login"
    assert browser.log_in("grace", NEW).path == "/account"


@pytest.mark.parametrize("way", ["reset", "set_password"])
def test_a_claim_does_not_outlive_the_password_it_was_made_under(
    domain: Flask, outbox: Outbox, way: str
) -> None:
    """Whoever was in the account may have given an address of theirs."""
    bob = factories.claimant("bob", email="mallory@example.com")
    link = outbox.link_to("mallory@example.com").rpartition("/")[2]

    if way == "reset":
        recovery.reset(factories.reset_link(bob), NEW, by=factories.visitor())
    else:
        recovery.set_password(bob, NEW, by=Actor.operator())

    assert (bob.email, bob.pending_email, bob.claimed_at) == (None, None, None)
    assert addresses.claimant(link) is None
    dropped = sa.select(AuditEvent.details).where(AuditEvent.event == "email.claim_dropped")
    assert "mallory@example.com" in db.session.scalars(dropped).one()
