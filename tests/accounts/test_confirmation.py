"""Confirm it's you: what a proof changes, what a wrong one leaves, and what is held meanwhile."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock, throttle
from app.accounts import confirmation, passwords, sessions
from app.accounts.confirmation import Held
from app.accounts.errors import WrongPassword
from app.accounts.models import HeldForm, User, UserSession
from app.accounts.sessions import Ended
from app.audit import Actor
from app.db import db
from app.throttle import Counter
from tests import factories
from tests.accounts.left import everything, mails, trail
from tests.factories import PASSWORD

ACT = Held("/transfer?a=1", [("to", "bob"), ("to", "carol")], "Transfer")


def acting(user: User) -> Actor:
    return Actor.person(user, "192.0.2.1")


def test_the_password_makes_the_session_fresh_and_gives_it_a_new_secret(
    each_domain: Flask,
) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    digest = here.digest
    with time_machine.travel(clock.now() + sessions.FRESH, tick=False):
        assert not sessions.is_fresh(here)

        secret = confirmation.confirm(here, PASSWORD, by=acting(alice))

        found = sessions.resume(secret).session
        assert found.id == here.id and found.digest != digest
        assert sessions.is_fresh(found)
    assert trail()[-1] == ("session.confirmed", "alice", "alice", {})
    assert db.session.scalars(sa.select(Counter.used)).all() == [0] * 3, "only failures count"


def test_a_wrong_password_counts_and_leaves_the_session_as_it_was(domain: Flask) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    before = everything()

    with pytest.raises(WrongPassword):
        confirmation.confirm(here, "not the password", by=acting(alice))

    changed = {name for name, rows in everything().items() if rows != before[name]}
    assert changed == {"audit_event", "throttle"}
    assert trail()[-1] == ("password.refused", "alice", "alice", {})


def test_over_the_limit_the_right_password_is_not_looked_at(domain: Flask) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    for _ in range(throttle.CONFIRM_PER_ACCOUNT.tries):
        with pytest.raises(WrongPassword):
            confirmation.confirm(here, "not the password", by=acting(alice))
    before = everything()

    with pytest.raises(throttle.Exceeded):
        confirmation.confirm(here, PASSWORD, by=acting(alice))

    assert everything() == before


def test_what_was_verified_has_to_stand_still(each_domain: Flask) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    key, verified = sessions.key_of(here), str(alice.password_hash)
    passwords.change(alice, PASSWORD, "purple monkey dishwasher", by=acting(alice), keep=here)
    before = everything()

    with pytest.raises(WrongPassword):
        confirmation.note_confirmed(alice, verified, by=acting(alice), here=key)
    with pytest.raises(Ended):  # the password is right, and the secret one of before
        confirmation.note_confirmed(alice, str(alice.password_hash), by=acting(alice), here=key)

    assert everything() == before
    assert mails() == [("password_changed", "alice@example.com")]


def test_an_act_waits_sealed_for_its_session_and_its_secret(domain: Flask) -> None:
    alice = factories.person("alice")
    here, other = factories.session(alice), factories.session(alice)

    secret = confirmation.hold(here, ACT, by=acting(alice))

    assert confirmation.held(here, secret) == (
        ACT.address,
        [["to", "bob"], ["to", "carol"]],
        ACT.act,
    )
    assert confirmation.held(here, "another secret") is None
    assert confirmation.held(other, secret) is None
    row = db.session.scalars(sa.select(HeldForm)).one()
    assert "transfer" not in row.sealed and secret not in row.digest
    with time_machine.travel(clock.now() + sessions.FRESH + timedelta(seconds=1)):
        assert confirmation.held(here, secret) is None


def test_a_session_holds_one_act_and_lets_go_of_it_once_it_is_done(each_domain: Flask) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    first = confirmation.hold(here, ACT, by=acting(alice))
    second = confirmation.hold(here, Held("/else", []), by=acting(alice))
    assert confirmation.held(here, first) is None
    assert confirmation.held(here, second) == ("/else", [], "")

    confirmation.forget(here, first, by=acting(alice))
    assert confirmation.held(here, second) is not None
    confirmation.forget(here, second, by=acting(alice))
    assert confirmation.held(here, second) is None


def test_what_is_too_large_is_not_kept_and_nor_is_what_was_held_before(domain: Flask) -> None:
    alice = factories.person("alice")
    here = factories.session(alice)
    confirmation.hold(here, ACT, by=acting(alice))

    most = "x" * confirmation.MOST_HELD
    secret = confirmation.hold(here, Held("/else", [("text", most)]), by=acting(alice))

    assert confirmation.held(here, secret) is None
    assert everything()["held_form"] == []


def test_a_session_that_ended_holds_nothing(domain: Flask) -> None:
    alice = factories.person("alice")
    gone = UserSession(id=factories.session(alice).id + 1)
    before = everything()

    with pytest.raises(Ended):
        confirmation.hold(gone, ACT, by=acting(alice))

    assert everything() == before
