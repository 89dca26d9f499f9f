"""A claim and what becomes of it: blocks nobody, tells nothing, and one of two who race wins."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import addresses, registration
from app.accounts.errors import AddressConfirmed, AddressTaken, LinkExpired, WrongCode
from app.accounts.models import User, UserToken
from app.audit import Actor, AuditEvent
from app.db import db
from app.mail import Mail
from tests import factories
from tests.conftest import counted
from tests.outbox import Outbox

ROUNDS = 10


def person(name: str) -> User:
    return db.session.scalars(sa.select(User).where(User.name == name)).one()


def test_two_people_confirm_one_address_at_once_and_one_wins(each_app: Flask) -> None:
    outbox = Outbox(each_app)
    for number in range(ROUNDS):
        shared = f"shared{number}@example.com"
        secrets = []
        for name in ("bob", "carol"):
            with each_app.app_context():
                factories.claimant(f"{name} {number}", email=shared)
            secrets.append(outbox.link_to(shared).rpartition("/")[2])

        answers = confirm_at_once(each_app, secrets)

        assert sorted(answers) == ["AddressTaken", "won"], answers
        with each_app.app_context():
            owners = db.session.scalars(sa.select(User.name).where(User.email == shared)).all()
            waiting = db.session.scalars(
                sa.select(User.name).where(User.pending_email == shared)
            ).all()
        assert (len(owners), len(waiting)) == (1, 1)


def confirm_at_once(app: Flask, secrets: list[str]) -> list[str]:
    together = Barrier(len(secrets))

    def confirm(secret: str) -> str:
        with app.app_context():
            together.wait()
            try:
                addresses.confirm(secret, by=factories.visitor())
            except (AddressTaken, LinkExpired) as refusal:
                return type(refusal).__name__
            return "won"

    with ThreadPoolExecutor(len(secrets)) as people:
        return list(people.map(confirm, secrets))


def test_one_code_typed_ten_times_at_once_counts_once(each_app: Flask) -> None:
    outbox = Outbox(each_app)
    with each_app.app_context():
        bob_id = factories.claimant("bob").id
    code = outbox.code_to("bob@example.com").replace("-", "")
    together = Barrier(10)

    def confirm(number: int) -> str:
        with each_app.app_context():
            bob = db.session.get_one(User, bob_id)
            together.wait()
            try:
                addresses.confirm_by_code(bob, code, by=factories.visitor())
            except WrongCode as refusal:
                return type(refusal).__name__
            return "won"

    with ThreadPoolExecutor(10) as people:
        answers = sorted(people.map(confirm, range(10)))
    assert answers == ["WrongCode"] * 9 + ["won"]
    with each_app.app_context():
        events = sa.select(sa.func.count()).where(AuditEvent.event == "email.confirmed")
        assert db.session.scalar(events) == 1


def test_a_claim_costs_the_same_for_a_known_and_an_unknown_address(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with each_app.app_context():
        factories.person("alice")
        factories.claimant("bob", email="nobody@example.com")  # the first one warms what is kept
    notes = {}
    for verb in ("register", "claim", "send_again"):
        for email in ("alice@example.com", "nobody@example.com"):
            with each_app.app_context(), counted(each_app, monkeypatch) as noted:
                run(verb, email)
            notes[verb, email] = noted
    for verb in ("register", "claim", "send_again"):
        known, unknown = notes[verb, "alice@example.com"], notes[verb, "nobody@example.com"]
        assert known == unknown
        assert known["sql"]


def run(verb: str, email: str) -> None:
    name = f"mallory {email[0]}"
    by = factories.visitor(email)
    if verb == "register":
        registration.register(name, email, factories.PASSWORD, by=by)
    elif verb == "claim":
        addresses.claim(person(name), email, by=by)
    else:
        addresses.send_again(person(name), by=by)


def test_whoever_has_a_confirmed_address_cannot_claim_another(domain: Flask) -> None:
    alice = factories.person("alice")

    with pytest.raises(AddressConfirmed):
        addresses.claim(alice, "else@example.com", by=factories.visitor())

    assert (alice.email, alice.pending_email) == ("alice@example.com", None)


def test_a_claim_that_is_cancelled_leaves_nothing(domain: Flask, outbox: Outbox) -> None:
    bob = factories.claimant("bob")
    secret = outbox.link_to("bob@example.com").rpartition("/")[2]

    addresses.cancel_claim(bob, by=Actor.person(bob, "192.0.2.1"))
    addresses.cancel_claim(bob, by=Actor.person(bob, "192.0.2.1"))

    assert (bob.pending_email, bob.claimed_at) == (None, None)
    assert db.session.scalar(sa.select(sa.func.count(UserToken.id))) == 0
    with pytest.raises(LinkExpired):
        addresses.confirm(secret, by=factories.visitor())
    dropped = sa.select(sa.func.count()).where(AuditEvent.event == "email.claim_dropped")
    assert db.session.scalar(dropped) == 1


def test_asking_again_without_a_claim_sends_nothing(domain: Flask, outbox: Outbox) -> None:
    addresses.send_again(factories.person("alice"), by=factories.visitor())

    assert not outbox.mails()


def test_the_owner_is_written_to_as_the_address_is_stored(domain: Flask, outbox: Outbox) -> None:
    factories.person("erin", email="Erin@Example.com")
    factories.claimant("mallory", email="ERIN@example.com")

    assert outbox.to("Erin@example.com")["Subject"] == "You already have an account"
    assert db.session.scalars(sa.select(Mail.recipient)).all() == ["Erin@example.com"]


def test_the_claim_is_dated(domain: Flask) -> None:
    bob = factories.claimant("bob")

    assert (bob.origin, bob.claimed_at) == ("registration", bob.created_at)
    assert bob.last_seen_at == bob.created_at
