"""What is let go unasked, and above all what is not."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from time_machine import Traveller

from app import clock, jobs
from app.accounts import addresses, authentication, expiry, lifecycle, registration, sessions
from app.accounts.models import Origin, User, UserRole, UserSession
from app.audit import Actor, AuditEvent
from app.db import atomic, db
from tests import factories
from tests.outbox import Outbox

OTHER_ORIGINS = [
    Origin.TUTORIAL,
    Origin.OPERATOR,
    Origin.STAFF,
    Origin.SETUP,
    Origin.UNKNOWN,
    None,  # written by a release that did not note it
]
START = datetime.fromisoformat("2026-07-01T10:00:00Z")


@pytest.fixture
def now() -> Iterator[Traveller]:
    with time_machine.travel(START, tick=False) as moment:
        yield moment


@atomic
def change(user: User, **columns: object) -> None:
    for column, value in columns.items():
        setattr(user, column, value)


def names_left() -> list[str]:
    db.session.expire_all()
    return sorted(db.session.scalars(sa.select(User.name)))


def last_event() -> AuditEvent:
    return db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


def test_a_claim_is_dropped_after_seven_days(each_domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")

    now.shift(timedelta(days=7))
    expiry.drop_claims()
    assert bob.pending_email == "bob@example.com"

    now.shift(timedelta(seconds=1))
    expiry.drop_claims()
    assert (bob.pending_email, bob.claimed_at) == (None, None)
    event = last_event()
    assert (event.event, event.actor_kind, event.subject_id) == (
        "email.claim_dropped",
        "system",
        bob.id,
    )
    assert "bob@example.com" in event.details


def test_a_claim_lasts_as_long_as_the_link_that_was_asked_for_last(
    each_domain: Flask, now: Traveller
) -> None:
    bob = factories.claimant("bob")
    now.shift(timedelta(days=6))
    addresses.send_again(bob, by=factories.visitor())
    secret = Outbox(each_domain).link_to(bob).rpartition("/")[2]

    now.shift(timedelta(days=2))
    expiry.drop_claims()

    assert addresses.confirm(secret, by=factories.visitor()).email == "bob@example.com"


def test_a_claim_of_an_unknown_age_gets_its_seven_days_first(domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")
    change(bob, claimed_at=None)

    now.shift(timedelta(days=100))
    expiry.drop_claims()
    assert (bob.pending_email, bob.claimed_at) == ("bob@example.com", clock.now())

    now.shift(timedelta(days=7, seconds=1))
    expiry.drop_claims()
    assert bob.pending_email is None


def test_a_newer_claim_starts_its_own_week(domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")
    now.shift(timedelta(days=6))
    addresses.claim(bob, "bob@example.org", by=factories.visitor())

    now.shift(timedelta(days=6))
    expiry.drop_claims()

    assert bob.pending_email == "bob@example.org"


def test_a_confirmed_address_is_never_dropped(domain: Flask, now: Traveller) -> None:
    alice = factories.person("alice")

    now.shift(timedelta(days=1000))
    expiry.drop_claims()

    assert alice.email == "alice@example.com"


def test_who_confirms_while_the_batch_runs_keeps_the_address(
    domain: Flask, outbox: Outbox, now: Traveller
) -> None:
    bob = factories.claimant("bob")
    secret = outbox.link_to("bob@example.com").rpartition("/")[2]
    addresses.confirm(secret, by=factories.visitor())

    now.shift(timedelta(days=8))
    expiry.drop_batch([bob.id], by=Actor.system())

    assert bob.email == "bob@example.com"


def test_a_ghost_is_removed_after_ninety_days(each_domain: Flask, now: Traveller) -> None:
    factories.person("alice")
    bob = factories.claimant("bob")
    factories.session(bob)
    bob_id = bob.id

    now.shift(timedelta(days=90))
    expiry.remove_ghosts()
    assert names_left() == ["alice", "bob"]

    now.shift(timedelta(seconds=1))
    expiry.remove_ghosts()
    assert names_left() == ["alice"]
    assert db.session.scalar(sa.select(sa.func.count(UserSession.id))) == 0
    event = last_event()
    assert (event.event, event.subject_id, event.subject_name) == ("user.removed", bob_id, "bob")
    assert "nobody was seen for 90 days" in event.details


def test_whoever_came_otherwise_is_never_removed(each_domain: Flask, now: Traveller) -> None:
    for origin in OTHER_ORIGINS:
        insert_ghost(str(origin), origin)
    insert_ghost("ghost")

    now.shift(timedelta(days=1000))
    expiry.remove_ghosts()

    assert names_left() == sorted(map(str, OTHER_ORIGINS))


def test_the_operator_s_people_are_never_removed(domain: Flask, now: Traveller) -> None:
    factories.without_address("grace")

    now.shift(timedelta(days=1000))
    expiry.remove_ghosts()

    assert names_left() == ["grace"]


def test_whoever_confirmed_an_address_is_never_removed(
    domain: Flask, outbox: Outbox, now: Traveller
) -> None:
    bob = factories.claimant("bob")
    addresses.confirm(outbox.link_to("bob@example.com").rpartition("/")[2], by=factories.visitor())

    now.shift(timedelta(days=1000))
    expiry.remove_ghosts()

    assert names_left() == [bob.name]


def test_whoever_holds_a_role_is_never_removed(each_domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")
    give_a_role(bob)

    now.shift(timedelta(days=1000))
    expiry.remove_ghosts()

    assert names_left() == ["bob"]


def test_whoever_staff_deactivated_is_never_removed(domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")
    lifecycle.deactivate(bob, by=Actor.operator(), reason="Sends spam")

    now.shift(timedelta(days=1000))
    expiry.remove_ghosts()

    assert names_left() == ["bob"]


@atomic
def give_a_role(user: User) -> None:
    db.session.add(UserRole(user_id=user.id, role_id=1, granted_at=clock.now()))


@pytest.mark.parametrize("column", ["last_seen_at", "created_at"])
@pytest.mark.parametrize("known", [True, False])
def test_whoever_was_here_lately_or_nobody_knows_when_is_not_removed(
    domain: Flask, now: Traveller, column: str, known: bool
) -> None:
    bob = factories.claimant("bob")
    now.shift(timedelta(days=1000))
    change(bob, **{column: clock.now() - timedelta(days=89) if known else None})

    expiry.remove_ghosts()

    assert names_left() == ["bob"]


def test_logging_in_and_being_seen_put_it_off(domain: Flask, now: Traveller) -> None:
    bob = factories.claimant("bob")
    now.shift(timedelta(days=80))
    who = authentication.check_password("bob", factories.PASSWORD, by=factories.visitor())
    started = sessions.start(
        who.user,
        verified=who.password_hash,
        by=factories.visitor(),
        remembered=True,
        user_agent="",
    )
    assert last_seen(bob) == clock.now()
    now.shift(timedelta(days=10))
    sessions.resume(started.secret)
    assert last_seen(bob) == clock.now()
    now.shift(timedelta(days=85))

    expiry.remove_ghosts()

    assert names_left() == ["bob"]


def test_whoever_is_made_by_somebody_else_was_never_here(domain: Flask) -> None:
    grace = factories.person("grace")
    assert last_seen(grace) is None

    factories.session(grace)
    assert last_seen(grace) is not None


def last_seen(user: User) -> datetime | None:
    return db.session.scalar(sa.select(User.last_seen_at).where(User.id == user.id))


def test_the_decision_is_made_on_the_rows_as_they_are_then(
    each_domain: Flask, now: Traveller
) -> None:
    """Two were found; then one logs in, before the batch that would remove both."""
    ghosts = [factories.claimant(name).id for name in ("bob", "carol")]
    now.shift(timedelta(days=100))
    bob = authentication.check_password("bob", factories.PASSWORD, by=factories.visitor()).user
    factories.session(bob)

    expiry.remove_batch(ghosts, by=Actor.system())

    assert names_left() == ["bob"]


def test_any_number_go_in_batches(
    domain: Flask, now: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)
    factories.person("alice")
    for number in range(5):
        insert_ghost(f"ghost {number}")

    now.shift(timedelta(days=91))
    expiry.remove_ghosts()

    assert names_left() == ["alice"]


@atomic
def insert_ghost(name: str, origin: str | None = Origin.REGISTRATION) -> None:
    user = registration.insert(
        name, None, origin=Origin.REGISTRATION, claim="a@example.com", by=factories.visitor()
    )
    user.origin = origin


def test_a_worker_does_it_unasked(app: Flask, outbox: Outbox, now: Traveller) -> None:
    with app.app_context():
        factories.claimant("bob")

    now.shift(timedelta(days=91))
    with app.app_context():
        jobs.arm()
    outbox.run()

    with app.app_context():
        assert names_left() == []
