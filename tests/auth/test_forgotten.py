"""Forgotten the password: the same answer for everybody, and a mail that differs."""

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock
from app.accounts.models import User
from app.audit import AuditEvent
from app.db import affected, atomic, db
from app.jobs import Job
from app.mail import Mail, State
from tests import factories
from tests.browser import Browser, Page
from tests.conftest import counted
from tests.outbox import Outbox, text_of

ANSWER = "A mail to that address says how to go on."


def ask(browser: Browser, email: str) -> Page:
    return browser.submit("/password/forgotten", email=email)


def test_alice_is_mailed_a_link(browser: Browser, outbox: Outbox, alice: User) -> None:
    page = ask(browser, "alice@example.com")

    assert ANSWER in page
    mail = outbox.to(alice)
    assert mail["Subject"] == "Choose a new password"
    assert "/password/reset/" in outbox.link_to(alice)
    assert "If it was not you, do nothing" in text_of(mail)


def test_it_is_offered_where_a_password_is_asked_for(browser: Browser, alice: User) -> None:
    assert "Forgotten your password?" in browser.get("/login")
    browser.log_in("alice", factories.PASSWORD)
    assert "Forgotten your password?" not in browser.get("/account")


def test_a_stranger_is_told_that_there_is_no_account(browser: Browser, outbox: Outbox) -> None:
    page = ask(browser, "nobody@example.com")

    assert ANSWER in page
    assert outbox.to("nobody@example.com")["Subject"] == "No account has this address"


def test_a_claim_is_no_address_to_reset_with(browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")

    ask(browser, "bob@example.com")

    assert outbox.to("bob@example.com")["Subject"] == "No account has this address"


def test_known_and_unknown_cost_the_same(
    app: Flask, monkeypatch: pytest.MonkeyPatch, alice: User
) -> None:
    pages, notes = [], []
    for email in ("alice@example.com", "nobody@example.com"):
        browser = Browser(app.test_client(), ip="192.0.2.1")
        form = browser.get("/password/forgotten").form_with("email")["fields"]
        with counted(app, monkeypatch) as noted:
            pages.append(browser.post("/password/forgotten", form | {"email": email}))
        notes.append(noted)

    assert notes[0] == notes[1]
    assert notes[0]["sql"]
    assert not notes[0]["hashes"]
    assert (pages[0].status, pages[0].text) == (pages[1].status, pages[1].text)


def test_the_mail_goes_to_the_address_as_its_owner_wrote_it(
    app: Flask, browser: Browser, outbox: Outbox
) -> None:
    with app.app_context():
        factories.person("erin", email="Erin@Example.com")

    ask(browser, "ERIN@example.com")

    assert outbox.to("Erin@example.com")["Subject"] == "Choose a new password"


@pytest.mark.parametrize(
    "typed",
    [
        "alice@example.com,mallory@example.com",
        "alice@example.com;mallory@example.com",
        "alice@example.com mallory@example.com",
        "alice@example.com\r\nBcc: mallory@example.com",
        "alice@example.com\nmallory@example.com",
        "alice@example.com\0",
        "Alice <alice@example.com>",
        "a@" + "b" * 300 + ".com",
        "",
        "alıce@example.com" + "\u202e",
    ],
)
def test_anything_but_one_address_is_refused(
    browser: Browser, outbox: Outbox, alice: User, typed: str
) -> None:
    page = ask(browser, typed)

    assert page.status == 422
    assert not outbox.mails()


def test_of_two_fields_at_most_one_address_is_mailed(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    form = browser.get("/password/forgotten").form_with("email")["fields"]
    browser.post("/password/forgotten", form | {"email": [alice.email, "mallory@example.com"]})

    links = [mail["To"] for mail in outbox.mails() if "/password/reset/" in text_of(mail)]
    assert links == ["alice@example.com"]


def test_what_merely_looks_like_alices_address_is_not(
    browser: Browser, outbox: Outbox, alice: User
) -> None:
    ask(browser, "alıce@example.com")  # a dotless i

    assert not outbox.mails(alice)


def test_the_job_names_nobody(app: Flask, browser: Browser, alice: User) -> None:
    ask(browser, "alice@example.com")

    with app.app_context():
        payloads = db.session.scalars(sa.select(Job.payload)).all()
    assert payloads
    assert not any("alice" in payload for payload in payloads)


def test_the_request_is_in_alices_history_with_where_it_came_from(
    app: Flask, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    ask(another_browser, "alice@example.com")
    outbox.run()

    with app.app_context():
        row = db.session.scalars(
            sa.select(AuditEvent).where(AuditEvent.event == "password.reset_requested")
        ).one()
    assert (row.subject_id, row.actor_kind, row.ip) == (alice.id, "visitor", "192.0.2.7")


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_nobody_is_mailed_by_a_robot(app: Flask, outbox: Outbox, alice: User, email: str) -> None:
    pages = []
    for number in range(8):
        pages.append(ask(Browser(app.test_client(), ip=f"192.0.2.{number}"), email))
        outbox.run()

    assert all(ANSWER in page for page in pages)
    with app.app_context():
        states = db.session.scalars(sa.select(Mail.state).order_by(Mail.id)).all()
    assert states == [State.SENT] * 5 + [State.DROPPED] * 3


def test_a_request_too_many_does_not_end_the_link_that_alice_has(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox, alice: User
) -> None:
    for _ in range(5):
        ask(another_browser, alice.email)
    link = outbox.link_to(alice)

    ask(another_browser, alice.email)
    outbox.run()

    with app.app_context():
        assert db.session.scalars(sa.select(Mail.state).order_by(Mail.id.desc())).first() == (
            State.DROPPED
        )
    assert "Password changed" in browser.submit(link, password="purple monkey dishwasher")


def test_twenty_requests_an_hour_from_one_place(browser: Browser) -> None:
    pages = [ask(browser, f"{number}@example.com") for number in range(21)]

    assert [page.status for page in pages] == [200] * 20 + [429]


def test_a_deactivated_person_is_mailed_no_link(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    with app.app_context():
        deactivate(alice.id)

    assert ANSWER in ask(browser, "alice@example.com")
    assert not outbox.mails(alice)


@atomic
def deactivate(user_id: int) -> None:
    affected(sa.update(User).where(User.id == user_id).values(deactivated_at=clock.now()))
