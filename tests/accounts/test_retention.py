"""What is swept out once it is over, and what stays."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from time_machine import Traveller

from app import audit, clock, jobs, mail, throttle
from app.accounts import confirmation, retention, sessions, tokens
from app.accounts.confirmation import Held
from app.accounts.models import HeldForm, UserSession, UserToken
from app.accounts.tokens import Purpose
from app.audit import Actor, AuditEvent
from app.db import affected, atomic, db
from app.mail import Mail, State
from app.throttle import Counter
from tests import factories

START = datetime.fromisoformat("2026-07-01T10:00:00Z")
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def now() -> Iterator[Traveller]:
    with time_machine.travel(START, tick=False) as moment:
        yield moment


def left(column: Any) -> list[Any]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(column).order_by(column)))


@atomic
def insert(*rows: object) -> None:
    db.session.add_all(rows)


@atomic
def change(model: Any, row_id: object, **columns: object) -> None:
    affected(sa.update(model).where(model.id == row_id).values(columns))


@pytest.mark.parametrize(
    ("remembered", "idle"), [(True, sessions.IDLE_REMEMBERED), (False, sessions.IDLE)]
)
def test_a_session_goes_a_week_after_it_ran_out(
    each_domain: Flask, now: Traveller, remembered: bool, idle: timedelta
) -> None:
    alice = factories.person("alice")
    by = factories.visitor()
    started = sessions.start(
        alice, verified=alice.password_hash, by=by, remembered=remembered, user_agent=""
    )

    now.shift(idle + retention.SESSION_KEPT - MOMENT)
    retention.sweep_sessions()
    with pytest.raises(sessions.Expired):  # and not "it was ended, here or from another device"
        sessions.resume(started.secret)

    now.shift(MOMENT)
    retention.sweep_sessions()
    assert left(UserSession.id) == []


def test_a_session_that_is_used_daily_goes_a_week_after_its_last_day(
    each_domain: Flask, now: Traveller
) -> None:
    row = factories.session(factories.person("alice"))
    now.shift(sessions.LONGEST + retention.SESSION_KEPT - MOMENT)
    change(UserSession, row.id, last_seen_at=clock.now())

    retention.sweep_sessions()
    assert left(UserSession.id) == [row.id]

    now.shift(MOMENT)
    retention.sweep_sessions()
    assert left(UserSession.id) == []


def test_a_live_session_is_never_swept(each_domain: Flask, now: Traveller) -> None:
    row = factories.session(factories.person("alice"))
    now.shift(sessions.IDLE - MOMENT)

    retention.sweep_sessions()

    assert left(UserSession.id) == [row.id]


def test_links_go_once_they_are_dead_and_one_without_an_end_stays(
    each_domain: Flask, now: Traveller
) -> None:
    alice = factories.person("alice")

    @atomic
    def issue() -> None:
        tokens.issue(Purpose.SETUP, None)
        tokens.issue(Purpose.RESET_PASSWORD, alice)
        tokens.issue(Purpose.VERIFY_EMAIL, alice)

    issue()
    now.shift(tokens.LIFETIME[Purpose.RESET_PASSWORD])
    retention.sweep_tokens()
    assert left(UserToken.purpose) == [Purpose.SETUP, Purpose.VERIFY_EMAIL]

    now.shift(timedelta(days=1000))
    retention.sweep_tokens()
    assert left(UserToken.purpose) == [Purpose.SETUP]


def test_a_limit_goes_once_it_is_whole_again(each_domain: Flask, now: Traveller) -> None:
    throttle.spend((throttle.LOGIN_PER_ACCOUNT, "alice"), (throttle.SIGN_UP_PER_IP, "192.0.2.1"))

    now.shift(throttle.LOGIN_PER_ACCOUNT.window)
    retention.sweep_limits()
    assert [key.partition(":")[0] for key in left(Counter.key)] == [throttle.SIGN_UP_PER_IP.name]

    throttle.spend((throttle.LOGIN_PER_ACCOUNT, "alice"))
    retention.sweep_limits()
    assert len(left(Counter.key)) == 2


def test_a_held_form_goes_once_nobody_can_go_on_with_it(each_domain: Flask, now: Traveller) -> None:
    session = factories.session(factories.person("alice"))
    confirmation.hold(session, Held("/account", [], "Do it"), by=Actor.visitor(""))

    now.shift(sessions.FRESH - MOMENT)
    retention.sweep_held_forms()
    assert len(left(HeldForm.id)) == 1

    now.shift(MOMENT)
    retention.sweep_held_forms()
    assert left(HeldForm.id) == []


def test_a_mail_goes_thirty_days_after_its_end_and_never_before(
    each_domain: Flask, now: Traveller
) -> None:
    send("ended")
    ended = left(Mail.id)[0]
    change(Mail, ended, state=State.SENT, ended_at=clock.now())
    send("waiting")

    now.shift(retention.MAIL_KEPT)
    retention.sweep_mails()
    assert left(Mail.recipient) == ["ended", "waiting"]

    now.shift(MOMENT)
    retention.sweep_mails()
    assert left(Mail.recipient) == ["waiting"]


@atomic
def send(to: str) -> None:
    mail.send("test", to=to, to_key=to, user=None, link="")


def test_audit_lines_stay_for_ever_unless_a_number_of_days_says_otherwise(
    each_domain: Flask, now: Traveller
) -> None:
    record("login.failed")
    now.shift(timedelta(days=366))
    record("session.confirmed")

    retention.sweep_audit()
    assert left(AuditEvent.event) == ["login.failed", "session.confirmed"]

    each_domain.config["AUDIT_DAYS"] = 365
    retention.sweep_audit()
    assert left(AuditEvent.event) == ["session.confirmed"]


@atomic
def record(event: str) -> None:
    audit.record(event, by=Actor.operator(), on=None)


def limits(count: int) -> Callable[[datetime], list[Counter]]:
    return lambda until: [
        Counter(key=f"limit:{number:03}", used=1, resets_at=until) for number in range(count)
    ]


def test_many_go_in_many_windows_and_what_lies_between_stays(
    each_domain: Flask, now: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "WINDOW", 3)
    rows = limits(20)(clock.now())
    for row in rows[6:15:2]:
        row.resets_at += timedelta(hours=1)
    kept = [row.key for row in rows[6:15:2]]
    insert(*rows)

    retention.sweep_limits()

    assert left(Counter.key) == kept


def test_two_workers_at_once_are_fine(
    each_domain: Flask, now: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "WINDOW", 10)
    insert(*limits(200)(clock.now()))

    def work() -> int:
        with each_domain.app_context():
            return retention.sweep(Counter.key, lambda: Counter.resets_at <= clock.now())

    with ThreadPoolExecutor(2) as workers:
        gone = [worker.result() for worker in [workers.submit(work) for _ in range(2)]]

    assert sum(gone) == 200  # each row was somebody's, and nobody's twice
    assert left(Counter.key) == []


def test_what_is_used_again_meanwhile_stays(each_domain: Flask, now: Traveller) -> None:
    """It was found to be over; then somebody began anew, before the batch that would remove it."""
    insert(*limits(2)(clock.now()))
    keys = left(Counter.key)
    renew(keys[0])

    assert retention.remove(Counter.key, keys, lambda: Counter.resets_at <= clock.now()) == 1
    assert left(Counter.key) == keys[:1]


@atomic
def renew(key: str) -> None:
    until = clock.now() + timedelta(hours=1)
    affected(sa.update(Counter).where(Counter.key == key).values(resets_at=until))


def test_a_worker_does_it_unasked(app: Flask, now: Traveller) -> None:
    with app.app_context():
        insert(*limits(1)(clock.now()))
        jobs.arm()
        while jobs.run_due():
            pass
        assert left(Counter.key) == []
