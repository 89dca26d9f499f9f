"""Every act leaves a trace that outlives the actor."""

import json

import pytest
import sqlalchemy as sa
from flask import Flask

from app import audit
from app.accounts.models import User
from app.audit import Actor, AuditEvent
from app.db import atomic, db
from tests.browser import Browser
from tests.factories import PASSWORD


def trail(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return list(db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id)))


def test_a_story_leaves_its_trace(app: Flask) -> None:
    browser = Browser(app.test_client(), ip="192.0.2.1")
    browser.sign_up("bob")
    browser.log_out()
    browser.log_in("bob", "not the password")
    browser.log_in("nobody", "not the password")
    browser.log_in("bob", PASSWORD, remember=True)
    new = "purple monkey dishwasher"
    browser.submit("/account/password", current_password="wrong", password=new)
    browser.submit("/account/password", current_password=PASSWORD, password=new)

    rows = trail(app)

    assert [row.event for row in rows] == [
        "user.registered",
        "session.started",
        "session.ended",
        "login.failed",
        "login.failed",
        "session.started",
        "password.refused",
        "password.changed",
    ]
    assert [row.subject_name for row in rows] == ["bob"] * 4 + [None] + ["bob"] * 3
    assert {row.ip for row in rows} == {"192.0.2.1"}
    assert {row.actor_kind for row in rows} == {"visitor", "person"}
    assert json.loads(rows[5].details) == {"remembered": True}
    everything = " ".join(row.details for row in rows)
    assert PASSWORD not in everything and new not in everything


def test_a_trace_outlives_the_person(domain: Flask) -> None:
    @atomic
    def add_and_remove() -> None:
        bob = User(name="bob")
        db.session.add(bob)
        db.session.flush()
        audit.record("login.failed", by=Actor.visitor("192.0.2.1"), on=bob)
        db.session.delete(bob)

    add_and_remove()

    (row,) = trail(domain)
    assert (row.subject_name, row.actor_kind) == ("bob", "visitor")


@pytest.mark.parametrize(("event", "details"), [("user.misspelt", {}), ("login.failed", {"x": 1})])
def test_a_word_nobody_agreed_on_raises(domain: Flask, event: str, details: dict) -> None:
    with pytest.raises(ValueError, match="takes"):
        audit.record(event, by=Actor.operator(), on=None, **details)


def test_the_trace_is_part_of_the_verb(domain: Flask) -> None:
    @atomic
    def record_and_fail() -> None:
        audit.record("login.failed", by=Actor.operator(), on=None)
        raise ValueError

    with pytest.raises(ValueError):
        record_and_fail()

    assert trail(domain) == []
