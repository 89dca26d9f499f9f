"""Log-ins beside a deactivation: none outlives it, whoever is first."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa
from flask import Flask

from app.accounts import authentication, lifecycle, sessions
from app.accounts.authentication import Verified
from app.accounts.errors import Deactivated
from app.accounts.models import User, UserSession
from app.audit import Actor
from app.db import db
from tests.factories import PASSWORD, person

OPERATOR, VISITOR = Actor.operator(), Actor.visitor("192.0.2.1")
ROUNDS, BROWSERS = 6, 3


def test_a_log_in_beside_the_deactivation_does_not_outlive_it(each_domain: Flask) -> None:
    alice = person("alice")
    for _ in range(ROUNDS):
        who = authentication.check_password("alice", PASSWORD, by=VISITOR)

        at_once(each_domain, who)

        db.session.rollback()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 0
        lifecycle.reactivate(alice, by=OPERATOR, reason="Again")


def at_once(app: Flask, who: Verified) -> None:
    together = Barrier(BROWSERS + 1)
    user_id, password_hash = who.user.id, who.password_hash

    def act(number: int) -> None:
        with app.app_context():
            user = db.session.get_one(User, user_id)
            together.wait()
            if number == 0:
                lifecycle.deactivate(user, by=OPERATOR, reason="Left")
                return
            try:
                sessions.start(
                    user, verified=password_hash, by=VISITOR, remembered=False, user_agent=""
                )
            except Deactivated:
                return

    with ThreadPoolExecutor(BROWSERS + 1) as people:
        list(people.map(act, range(BROWSERS + 1)))
