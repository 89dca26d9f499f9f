"""However many try at once, and by whatever path: an administrator who is active remains."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from app.accounts import lifecycle, roles
from app.accounts.errors import LastAdministrator, Refusal
from app.accounts.models import User
from app.accounts.roles import ADMINISTRATOR
from app.audit import Actor
from app.db import db
from tests.factories import administrator, person

OPERATOR = Actor.operator()
ROUNDS = 5

Act = Callable[[User, Actor], object]


def revoke(user: User, by: Actor) -> object:
    return roles.revoke(user, ADMINISTRATOR, by=by)


def deactivate(user: User, by: Actor) -> object:
    return lifecycle.deactivate(user, by=by, reason="Leaving")


ACTS: list[Act] = [revoke, deactivate]


@pytest.mark.parametrize("act", ACTS)
def test_the_last_one_stays_even_for_the_operator(domain: Flask, act: Act) -> None:
    root, former = administrator(), administrator("former")
    lifecycle.deactivate(former, by=OPERATOR, reason="Left")

    with pytest.raises(LastAdministrator):
        act(root, OPERATOR)

    assert roles.permissions_of(root.id) == roles.ALL and root.is_active
    lifecycle.reactivate(former, by=OPERATOR, reason="Is back")
    act(root, OPERATOR)
    assert roles.there_is_an_administrator()


def test_the_last_one_cannot_step_down(domain: Flask) -> None:
    root = administrator()

    with pytest.raises(LastAdministrator):
        revoke(root, Actor.person(root, "192.0.2.1"))


def test_one_who_cannot_log_in_does_not_count(domain: Flask) -> None:
    root = administrator()
    by = Actor.person(root, "192.0.2.1")
    newcomer = lifecycle.create("newcomer", None, by=by)
    roles.grant(newcomer, ADMINISTRATOR, by=by)

    with pytest.raises(LastAdministrator):
        revoke(root, by)


def test_somebody_who_is_none_is_no_last_one(domain: Flask) -> None:
    alice = person("alice")
    deactivate(alice, OPERATOR)

    assert not alice.is_active


@pytest.fixture
def pair(each_domain: Flask) -> tuple[User, User]:
    return administrator("ada"), administrator("grace")


def test_two_who_remove_each_other_leave_one(each_domain: Flask, pair: tuple[User, User]) -> None:
    ids = [user.id for user in pair]
    for number in range(ROUNDS):
        chosen = [ACTS[number % 2], ACTS[(number // 2) % 2]]

        outcomes = at_once(each_domain, [(chosen[0], ids[0], ids[1]), (chosen[1], ids[1], ids[0])])

        # Whoever comes second is no administrator any more, or would remove the last one.
        assert sorted(map(str, outcomes)) == ["False", "True"], outcomes
        reinstate(ids)


def test_all_at_once_by_every_path_leave_one(each_domain: Flask, pair: tuple[User, User]) -> None:
    ids = [user.id for user in pair]
    for _ in range(ROUNDS):
        attempts = [(act, whom, None) for act in ACTS for whom in ids]
        random.shuffle(attempts)

        at_once(each_domain, attempts)

        db.session.rollback()
        assert roles.there_is_an_administrator()
        reinstate(ids)


def at_once(app: Flask, attempts: list[tuple[Act, int, int | None]]) -> list[bool]:
    together = Barrier(len(attempts))

    def attempt(what: tuple[Act, int, int | None]) -> bool:
        act, whom, by_id = what
        with app.app_context():
            user = db.session.get_one(User, whom)
            actor = db.session.get_one(User, by_id) if by_id else None
            by = Actor.person(actor, "192.0.2.1") if actor else OPERATOR
            together.wait()
            try:
                act(user, by)
            except Refusal:
                return False
            return True

    with ThreadPoolExecutor(len(attempts)) as people:
        return list(people.map(attempt, attempts))


def reinstate(ids: list[int]) -> None:
    for user in [db.session.get_one(User, user_id) for user_id in ids]:
        db.session.refresh(user)
        if not user.is_active:
            lifecycle.reactivate(user, by=OPERATOR, reason="Again")
        roles.grant(user, ADMINISTRATOR, by=OPERATOR)
