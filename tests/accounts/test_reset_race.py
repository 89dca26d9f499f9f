"""One reset link, sent ten times at the same moment: the DELETE that finds it decides.

The verb alone runs here, with hashes made before: a hash is a core's work, and would only hold
apart what is to meet.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa
from flask import Flask

from app.accounts import recovery
from app.accounts.errors import LinkExpired
from app.accounts.models import User, UserSession
from app.audit import AuditEvent
from app.db import db
from app.mail import Mail
from tests import factories

ROUNDS, AT_ONCE = 20, 10


def test_ten_posts_of_one_link_have_one_winner(each_app: Flask) -> None:
    with each_app.app_context():
        alice_id = factories.person("alice").id
    for number in range(ROUNDS):
        hashes = [f"$argon2id$round {number}, {index}" for index in range(AT_ONCE)]
        with each_app.app_context():
            alice = db.session.get_one(User, alice_id)
            factories.session(alice)
            secret = factories.reset_link(alice)

        won = reset_at_once(each_app, secret, hashes)

        assert won.count(True) == 1, won
        with each_app.app_context():
            alice = db.session.get_one(User, alice_id)
            assert alice.password_hash == hashes[won.index(True)]
            assert not db.session.scalar(sa.select(sa.func.count(UserSession.id)))
    with each_app.app_context():
        assert how_many(AuditEvent.event == "password.reset") == ROUNDS
        assert how_many(Mail.kind == "password_changed") == ROUNDS


def reset_at_once(app: Flask, secret: str, hashes: list[str]) -> list[bool]:
    together = Barrier(len(hashes))

    def reset(new_hash: str) -> bool:
        with app.app_context():
            together.wait()
            try:
                recovery.store_reset(secret, new_hash, by=factories.visitor())
            except LinkExpired:
                return False
            return True

    with ThreadPoolExecutor(len(hashes)) as people:
        return list(people.map(reset, hashes))


def how_many(condition: sa.ColumnElement[bool]) -> int | None:
    return db.session.scalar(sa.select(sa.func.count()).where(condition))
