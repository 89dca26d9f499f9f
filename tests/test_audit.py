"""Every act leaves a trace that outlives the actor."""

import datetime as dt
import json

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import audit
from app.accounts.models import User
from app.audit import Actor, AuditEvent, Named
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
    assert [row.actor_kind for row in rows if row.event == "login.failed"] == ["visitor"] * 2
    logged_in = [row for row in rows if row.event == "session.started"]
    assert {(row.actor_kind, row.actor_id, row.actor_name) for row in logged_in} == {
        ("person", rows[0].subject_id, "bob")
    }
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


def test_the_trail_is_searched_alike_on_every_engine(each_domain: Flask) -> None:
    noon, hour = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), dt.timedelta(hours=1)
    ada, bob = Named(1, "ada"), Named(2, "bob")
    with time_machine.travel(noon, tick=False) as clock:
        for number in range(60):
            clock.move_to(noon + number * hour)
            note("login.failed", by=Actor.visitor("192.0.2.1"), on=bob)
            note("session.ended", by=Actor.person(ada, "192.0.2.2"), on=bob)

    def found(**filters: object) -> list[int]:
        ids, page = [], audit.search(**filters)
        while page.next:
            ids += [row.id for row in page.rows]
            page = audit.search(**filters, cursor=page.next)
        return ids + [row.id for row in page.rows]

    odd, even = list(range(119, 0, -2)), list(range(120, 0, -2))
    assert found() == list(range(120, 0, -1))
    assert found(event="login.failed") == found(ip="192.0.2.1") == odd
    assert found(who=1) == found(who=1, whom=2) == even
    assert found(whom=1) == found(event="nonsense") == found(ip="") == []
    assert found(since=noon + 58 * hour) == [120, 119, 118, 117]
    assert found(until=noon + hour) == [2, 1]
    assert found(since=noon + hour, until=noon + 2 * hour, who=1) == [4]


@atomic
def note(event: str, *, by: Actor, on: Named) -> None:
    audit.record(event, by=by, on=on)


def test_no_act_is_missed_or_shown_twice_while_others_happen(domain: Flask) -> None:
    for number in range(60):
        note("login.failed", by=Actor.operator(), on=Named(number, None))
    first = audit.search()
    note("session.ended", by=Actor.operator(), on=Named(99, None))

    second = audit.search(cursor=first.next)

    assert [row.subject_id for row in [*first.rows, *second.rows]] == list(range(59, -1, -1))
    assert [row.subject_id for row in audit.search(cursor=second.previous).rows] == [
        row.subject_id for row in first.rows
    ]
