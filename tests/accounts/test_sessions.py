"""A session is a row: what starts one, what ends it, and what it leaves in the trail."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock, crypto
from app.accounts import lifecycle, sessions
from app.accounts.errors import Deactivated, WrongLogin
from app.accounts.models import User, UserSession
from app.accounts.sessions import Ended, Expired, Started
from app.audit import Actor
from app.db import atomic, db
from tests import factories
from tests.accounts.left import everything, trail

OPERATOR, VISITOR = Actor.operator(), Actor.visitor("192.0.2.1")
renew = atomic(sessions.renew)


def start(user: User, *, remembered: bool = False, user_agent: str = "Firefox") -> Started:
    return sessions.start(
        user,
        verified=user.password_hash,
        by=VISITOR,
        remembered=remembered,
        user_agent=user_agent,
    )


def later(by: timedelta) -> time_machine.travel:
    moment: datetime = clock.now() + by
    return time_machine.travel(moment, tick=False)


def test_a_session_is_a_row_that_its_secret_alone_finds(each_domain: Flask) -> None:
    alice = factories.person("alice")

    started = start(alice, remembered=True, user_agent="x" * 300)

    db.session.refresh(alice)
    row = db.session.scalars(sa.select(UserSession)).one()
    assert (row.user_id, row.remembered, row.ip) == (alice.id, True, "192.0.2.1")
    assert (row.digest, row.user_agent) == (crypto.digest(started.secret), "x" * 256)
    assert alice.last_seen_at == row.created_at == row.last_seen_at == row.confirmed_at
    assert trail()[-1] == ("session.started", "alice", "alice", {"remembered": True})
    assert sessions.resume(started.secret) == (row, False)
    with pytest.raises(Ended):
        sessions.resume(row.digest)


def test_a_password_that_was_changed_meanwhile_starts_none(domain: Flask) -> None:
    alice = factories.person("alice")
    before = everything()

    for verified in ("the hash of before", None):
        with pytest.raises(WrongLogin):
            sessions.start(alice, verified=verified, by=VISITOR, remembered=False, user_agent="")

    assert everything() == before


def test_somebody_deactivated_starts_none_and_resumes_none(domain: Flask) -> None:
    alice = factories.person("alice")
    secret = start(alice).secret
    lifecycle.deactivate(alice, by=OPERATOR, reason="Asked for it")
    before = everything()

    with pytest.raises(Deactivated):
        start(alice)
    with pytest.raises(Ended):
        sessions.resume(secret)

    assert everything() == before


@pytest.mark.parametrize(
    ("remembered", "idle"), [(False, sessions.IDLE), (True, sessions.IDLE_REMEMBERED)]
)
def test_an_idle_session_ends_to_the_second(domain: Flask, remembered: bool, idle: object) -> None:
    alice = factories.person("alice")
    with later(timedelta(0)) as now:
        secret = start(alice, remembered=remembered).secret
        now.shift(idle)
        with pytest.raises(Expired):
            sessions.resume(secret)
        assert sessions.live(alice) == []

        now.shift(timedelta(seconds=-1))
        assert sessions.live(alice) == [sessions.resume(secret).session]


def test_being_seen_is_written_down_every_five_minutes(each_domain: Flask) -> None:
    alice = factories.person("alice")
    with later(timedelta(0)) as now:
        secret, started = start(alice).secret, clock.now()
        now.shift(sessions.SEEN_EVERY - timedelta(seconds=1))
        assert sessions.resume(secret).session.last_seen_at == started

        now.shift(timedelta(seconds=1))
        sessions.resume(secret)
        db.session.refresh(alice)
        row = db.session.scalars(sa.select(UserSession)).one()
        assert alice.last_seen_at == row.last_seen_at == started + sessions.SEEN_EVERY


def test_ending_a_session_twice_leaves_one_line(each_domain: Flask) -> None:
    alice = factories.person("alice")
    secret, lines = start(alice).secret, len(trail())

    for _ in range(2):
        sessions.end(secret, by=VISITOR)

    assert trail()[lines:] == [("session.ended", "visitor", "alice", {})]
    with pytest.raises(Ended):
        sessions.resume(secret)


def test_one_ends_another_of_their_own_and_nobody_else_s(domain: Flask) -> None:
    alice, bob = factories.person("alice"), factories.person("bob")
    here, other, of_bob = start(alice).session, start(alice).session, start(bob).session
    by, before = Actor.person(alice, "192.0.2.1"), everything()

    assert not sessions.end_one(alice, here.id, by=by, here=here)
    assert not sessions.end_one(alice, of_bob.id, by=by, here=here)
    assert everything() == before

    assert sessions.end_one(alice, other.id, by=by, here=here)
    assert trail()[-1] == ("session.ended", "alice", "alice", {})
    assert sessions.live(alice) == [here]


def test_all_others_end_together_with_one_line(domain: Flask) -> None:
    alice, bob = factories.person("alice"), factories.person("bob")
    here = start(alice).session
    start(alice), start(alice), start(bob)
    by, lines = Actor.person(alice, "192.0.2.1"), len(trail())

    assert sessions.end_all_others(alice, by=by, here=here) == 2
    assert sessions.end_all_others(alice, by=by, here=here) == 0

    assert trail()[lines:] == [("sessions.ended", "alice", "alice", {"sessions_ended": 2})]
    assert sessions.live(alice) == [here]
    assert len(sessions.live(bob)) == 1


def test_a_session_that_ended_ends_no_other(each_domain: Flask) -> None:
    alice = factories.person("alice")
    ended, other = start(alice), start(alice)
    by, gone = Actor.person(alice, "192.0.2.1"), UserSession(id=ended.session.id)
    sessions.end(ended.secret, by=by)
    before = everything()

    with pytest.raises(Ended):
        sessions.end_one(alice, other.session.id, by=by, here=gone)
    with pytest.raises(Ended):
        sessions.end_all_others(alice, by=by, here=gone)

    assert everything() == before


def test_a_renewed_secret_takes_the_place_of_the_one_before(each_domain: Flask) -> None:
    started = start(factories.person("alice"))
    key = sessions.key_of(started.session)

    secret = renew(key)

    assert sessions.resume(secret).session.id == key.id
    with pytest.raises(Ended):
        sessions.resume(started.secret)
    with pytest.raises(Ended):
        renew(key)
    assert sessions.resume(secret).session.id == key.id
