"""Who is at the door, seen from the domain."""

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.security import generate_password_hash

from app.accounts import authentication, hashing, passwords, sessions
from app.accounts.authentication import Verified
from app.accounts.errors import WrongLogin
from app.accounts.models import User
from app.accounts.sessions import Started
from app.audit import Actor
from app.db import atomic, db
from tests.factories import PASSWORD, person

VISITOR = Actor.visitor("192.0.2.1")


def start(who: Verified) -> Started:
    return sessions.start(
        who.user, verified=who.password_hash, by=VISITOR, remembered=False, user_agent=""
    )


def test_a_log_in_does_not_outlive_the_change_that_it_ran_beside(each_domain: Flask) -> None:
    alice = person("alice")
    here = start(authentication.check_password("alice", PASSWORD, by=VISITOR)).session
    thief = authentication.check_password("alice", PASSWORD, by=VISITOR)

    new = "purple monkey dishwasher"
    passwords.change(alice, PASSWORD, new, by=Actor.person(alice, "192.0.2.2"), keep=here)

    with pytest.raises(WrongLogin):
        start(thief)
    start(authentication.check_password("alice", new, by=VISITOR))


def test_people_who_log_in_side_by_side_all_get_in_while_a_hash_is_made_anew(
    each_domain: Flask,
) -> None:
    alice = person("alice")
    keep_hash(alice, generate_password_hash("short", method="scrypt:1024:8:1"))
    together = Barrier(4)

    def log_in(number: int) -> bool:
        with each_domain.app_context():
            together.wait()
            by = Actor.visitor(f"192.0.2.{number}")
            return bool(start(authentication.check_password("alice", "short", by=by)))

    with ThreadPoolExecutor(4) as people:
        assert all(people.map(log_in, range(4)))


def test_a_log_in_beside_a_reset_does_not_bring_the_old_password_back(each_domain: Flask) -> None:
    alice = person("alice")
    keep_hash(alice, generate_password_hash("short", method="scrypt:1024:8:1"))
    new_hash = hashing.make("purple monkey dishwasher")
    row = sa.update(User.__table__).where(User.__table__.c.id == alice.id)

    def log_in() -> Verified:
        with each_domain.app_context():
            return authentication.check_password("alice", "short", by=VISITOR)

    with ThreadPoolExecutor(1) as thief, db.engine.connect() as reset:
        is_sqlite = db.engine.dialect.name == "sqlite"
        level = "SERIALIZABLE" if is_sqlite else "READ COMMITTED"
        reset.execution_options(isolation_level=level)
        reset.execute(row.values(password_hash=new_hash))
        attempt = thief.submit(log_in)
        wait([attempt], timeout=0.5)  # long enough to verify the old hash, and to want the row
        reset.commit()
        with pytest.raises(WrongLogin):
            attempt.result()

    db.session.rollback()
    assert db.session.scalar(sa.select(User.password_hash)) == new_hash


def test_a_password_is_changed_although_a_log_in_made_its_hash_anew_meanwhile(
    domain: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = person("alice")
    keep_hash(alice, generate_password_hash("short", method="scrypt:1024:8:1"))
    here = start(authentication.check_password("alice", "short", by=VISITOR)).session
    check = authentication.check_current

    def check_then_somebody_logs_in(*args: Any, **kwargs: Any) -> str:
        verified = check(*args, **kwargs)
        monkeypatch.setattr(authentication, "check_current", check)
        keep_hash(alice, hashing.make("short"))
        return verified

    monkeypatch.setattr(authentication, "check_current", check_then_somebody_logs_in)
    passwords.change(alice, "short", "purple monkey dishwasher", by=VISITOR, keep=here)

    assert authentication.check_password("alice", "purple monkey dishwasher", by=VISITOR)


def test_a_password_is_not_changed_from_a_session_that_ended_meanwhile(each_domain: Flask) -> None:
    alice = person("alice")
    started = start(authentication.check_password("alice", PASSWORD, by=VISITOR))
    sessions.end(started.secret, by=VISITOR)

    with pytest.raises((sessions.Ended, ObjectDeletedError)):
        passwords.change(
            alice, PASSWORD, "purple monkey dishwasher", by=VISITOR, keep=started.session
        )
    assert authentication.check_password("alice", PASSWORD, by=VISITOR)


@atomic
def keep_hash(user: User, password_hash: str) -> None:
    user.password_hash = password_hash
