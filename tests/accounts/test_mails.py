"""Each mail as it is read: what happened, what to do, why it came; and to whom it never goes."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import mails
from app.accounts.models import User
from app.audit import Actor
from app.db import atomic, db
from app.mail import Mail, State
from tests import factories
from tests.outbox import Outbox, html_of, text_of

Write = Callable[[User], None]
STRANGER = Actor.visitor("192.0.2.1")
NOTICES: dict[str, Write] = {
    "Your password was changed": mails.password_changed,
    "An account was made for you": mails.account_created,
    "About your account on Gatehouse": lambda user: mails.staff_acted(user, "deactivated", "Spam"),
}
CAUSED_BY_STRANGERS: dict[str, Write] = {
    "Confirm your email address": lambda user: mails.verify(user, str(user.email), "s", "BCDFGHJK"),
    "You already have an account": mails.already_registered,
    "Choose a new password": lambda user: mails.reset(user, "s", by=STRANGER),
    "No account has this address": lambda user: mails.no_account(str(user.email)),
}
ACTS = [
    "deactivated",
    "reactivated",
    "address_corrected",
    "address_confirmed",
    "roles_changed",
    "sessions_ended",
]


@atomic
def send(write: Write, user: User) -> None:
    write(user)


@pytest.mark.parametrize("subject", [*NOTICES, *CAUSED_BY_STRANGERS])
def test_each_mail_says_why_it_came_and_where_to_go(
    domain: Flask, outbox: Outbox, subject: str
) -> None:
    alice = factories.person("alice")

    send((NOTICES | CAUSED_BY_STRANGERS)[subject], alice)

    mail = outbox.to(alice)
    assert mail["Subject"] == subject
    for words in (text_of(mail), html_of(mail)):
        assert "You receive this because" in words
        assert f"http://localhost:5000{outbox.link_to(alice)}" in words


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("reason", ["Asked at the desk", None])
def test_what_the_staff_did_is_said_with_their_reason(
    domain: Flask, outbox: Outbox, act: str, reason: str | None
) -> None:
    alice = factories.person("alice")

    send(lambda user: mails.staff_acted(user, act, reason), alice)

    mail = outbox.to(alice)
    for words in (text_of(mail), html_of(mail)):
        assert "The people who run Gatehouse" in words.replace("\n", " ")
        assert ("Their reason: Asked at the desk" in words) is (reason is not None)


def test_nobody_without_a_confirmed_address_is_sent_a_notice(domain: Flask, outbox: Outbox) -> None:
    bob = factories.claimant("bob")
    outbox.run()
    before = len(outbox.mails())

    for write in NOTICES.values():
        send(write, bob)

    assert len(outbox.mails()) == before == 1  # the one that asks to confirm


def test_a_name_that_looks_like_a_link_is_none_in_a_mail(domain: Flask, outbox: Outbox) -> None:
    mallory = factories.person("https://evil.example", email="m@example.com")

    send(mails.account_created, mallory)

    for words in (text_of(outbox.to(mallory)), html_of(outbox.to(mallory))):
        assert "evil.example" not in words


@pytest.mark.parametrize("subject", CAUSED_BY_STRANGERS)
def test_all_that_strangers_cause_shares_one_budget_and_notices_have_none(
    domain: Flask, outbox: Outbox, subject: str
) -> None:
    alice = factories.person("alice")

    for write in CAUSED_BY_STRANGERS.values():
        send(write, alice)
        send(write, alice)
    send(CAUSED_BY_STRANGERS[subject], alice)
    send(mails.password_changed, alice)
    send(lambda user: mails.reset(user, "s", by=Actor.operator()), alice)
    outbox.run()

    states = db.session.scalars(sa.select(Mail.state).order_by(Mail.id)).all()
    assert states == [State.SENT] * 5 + [State.DROPPED] * 4 + [State.SENT] * 2
