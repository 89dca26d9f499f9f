"""Each mail as it is read: what happened, what to do, why it came; and to whom it never goes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import jobs, mail
from app.accounts import addresses, lifecycle, mails, recovery, tokens
from app.accounts.models import User
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import atomic, db
from app.mail import Mail, State
from tests import factories, post_office
from tests.outbox import Outbox, html_of, text_of

Write = Callable[[User], None]
NOTICES: dict[str, Write] = {
    "Your password was changed": mails.password_changed,
    "An account was made for you": mails.account_created,
    "About your account on Gatehouse": lambda user: mails.staff_acted(user, "reactivated", "Back"),
}


def verify(user: User) -> None:
    user.pending_email = user.email
    issued = tokens.issue(Purpose.VERIFY_EMAIL, user, address=user.email, code=True)
    mails.verify(user, str(user.email), issued.secret, issued.code, room=room(user))


def reset(user: User, reason: str | None = None) -> None:
    secret = tokens.issue(Purpose.RESET_PASSWORD, user).secret
    mails.reset(user, secret, reason=reason, room=bool(reason) or room(user))


def room(user: User) -> bool:
    return mail.has_room(str(user.email))


CAUSED_BY_STRANGERS: dict[str, Write] = {
    "Confirm your email address": verify,
    "You already have an account": lambda user: mails.already_registered(user, room=room(user)),
    "Choose a new password": reset,
    "No account has this address": lambda user: mails.no_account(str(user.email), room=room(user)),
}
ACTS = [
    "deactivated",
    "reactivated",
    "address_corrected",
    "address_confirmed",
    "roles_changed",
    "reset_link_made",
    "session_ended",
    "sessions_ended",
]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@atomic
def send(write: Write, user: User) -> None:
    write(user)


@pytest.mark.parametrize("subject", [*NOTICES, *CAUSED_BY_STRANGERS])
def test_each_mail_says_why_it_came_and_where_to_go(
    domain: Flask, outbox: Outbox, subject: str
) -> None:
    alice = factories.person("alice")

    send((NOTICES | CAUSED_BY_STRANGERS)[subject], alice)

    message = outbox.to(alice)
    assert message["Subject"] == subject
    for words in (text_of(message), html_of(message)):
        assert "You receive this because" in words
        assert f"http://localhost:5000{outbox.link_to(alice)}" in words


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("reason", ["Asked at the desk", None])
def test_what_the_staff_did_is_said_with_their_reason(
    domain: Flask, outbox: Outbox, act: str, reason: str | None
) -> None:
    alice = factories.person("alice")

    send(lambda user: mails.staff_acted(user, act, reason), alice)

    message = outbox.to(alice)
    for words in (text_of(message), html_of(message)):
        assert "The people who run Gatehouse" in words.replace("\n", " ")
        assert ("Their reason: Asked at the desk" in words) is (reason is not None)


def test_each_act_is_told_in_its_own_words(domain: Flask, outbox: Outbox) -> None:
    alice = factories.person("alice")

    for act in ACTS:
        send(lambda user, act=act: mails.staff_acted(user, act, None), alice)

    assert len({text_of(message) for message in outbox.mails(alice)}) == len(ACTS)


def test_whoever_is_locked_out_is_shown_no_door(domain: Flask, outbox: Outbox) -> None:
    alice = factories.person("alice")

    lifecycle.deactivate(alice, by=Actor.operator(), reason="Left the company")

    for words in (text_of(outbox.to(alice)), html_of(outbox.to(alice))):
        assert "deactivated your account" in words
        assert "/login" not in words and "Log in" not in words


def test_a_link_from_the_staff_comes_with_their_reason(domain: Flask, outbox: Outbox) -> None:
    alice = factories.person("alice")

    send(reset, alice)
    asked_for = outbox.to(alice)
    lifecycle.send_reset_link(alice, by=Actor.operator(), reason="Asked at the desk")
    sent = outbox.to(alice)

    for read in (text_of, html_of):
        assert "Somebody asked for a new password" in read(asked_for)
        assert "Their reason" not in read(asked_for)
        assert "The people who run Gatehouse sent you this link" in read(sent)
        assert "Their reason: Asked at the desk" in read(sent)
        assert "Somebody asked" not in read(sent)


def test_a_printed_link_is_told_to_its_owner_without_it(domain: Flask, outbox: Outbox) -> None:
    alice = factories.person("alice")

    secret = lifecycle.print_reset_link(alice, by=Actor.operator(), reason="Asked at the desk")

    words = text_of(outbox.to(alice))
    assert "made a link" in words and "Their reason: Asked at the desk" in words
    assert secret not in words


def test_a_waiting_mail_expires_with_its_link(domain: Flask, outbox: Outbox) -> None:
    alice, bob = factories.person("alice"), factories.claimant("bob")
    addresses.cancel_claim(bob, by=factories.visitor())
    send(reset, alice)
    send(reset, alice)

    outbox.run()

    kinds = sa.select(Mail.kind, Mail.state).order_by(Mail.id)
    assert [tuple(row) for row in db.session.execute(kinds)] == [
        ("verify", State.EXPIRED),
        ("reset", State.EXPIRED),
        ("reset", State.SENT),
    ]


def test_a_password_that_was_set_meanwhile_stops_the_link_that_waits(
    make_app: Callable[..., Flask],
) -> None:
    port = post_office.free_port()
    with make_app(**post_office.settings(port)).app_context(), time_machine.travel(NOON) as clock:
        alice = factories.person("alice")
        send(reset, alice)
        jobs.run_due()  # nobody is there
        recovery.set_password(alice, "purple monkey dishwasher", by=Actor.operator())
        clock.shift(timedelta(minutes=2))
        with post_office.open_on(port) as office:
            while jobs.run_due():
                pass

        assert [message["Subject"] for message in office.took()] == ["Your password was changed"]
        link = db.session.scalars(sa.select(Mail).where(Mail.kind == "reset")).one()
        assert (link.state, link.sealed) == (State.EXPIRED, None)
        assert link.reason == "The link in it had died."


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

    for write in [*CAUSED_BY_STRANGERS.values()] * 2:
        send(write, alice)
        outbox.run()
    send(CAUSED_BY_STRANGERS[subject], alice)
    send(mails.password_changed, alice)
    send(lambda user: reset(user, "Asked at the desk"), alice)
    outbox.run()

    states = db.session.scalars(sa.select(Mail.state).order_by(Mail.id)).all()
    assert states == [State.SENT] * 5 + [State.DROPPED] * 4 + [State.SENT] * 2
