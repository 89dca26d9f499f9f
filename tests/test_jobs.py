"""Jobs are rows: claimed by one, tried again by the clock, and never lost."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import jobs
from app.db import atomic, db
from app.jobs import Job, Later, loop, queue

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)

Register = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Return a function that has "work" done by a handler of the test; it notes what was done."""

    def with_handler(
        handle: Callable[..., None] = lambda **payload: None, every: dt.timedelta | None = None
    ) -> list[dict[str, Any]]:
        done: list[dict[str, Any]] = []

        def noting(**payload: Any) -> None:
            done.append(payload)
            handle(**payload)

        monkeypatch.setitem(queue.HANDLERS, "work", noting)
        if every:
            monkeypatch.setitem(queue.PERIODS, "work", every)
        return done

    return with_handler


@atomic
def add(**payload: Any) -> None:
    jobs.add("work", **payload)


def row() -> Job | None:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalar(sa.select(Job).where(Job.kind == "work"))


def fail(**payload: Any) -> None:
    raise RuntimeError("alice@example.com could not be reached with the secret s3cr3t")


def test_a_job_is_done_once_and_is_gone(each_domain: Flask, register: Register) -> None:
    done = register()
    add(number=7)
    add(number=8)

    assert jobs.run_due() == 2
    assert jobs.run_due() == 0
    assert done == [{"number": 7}, {"number": 8}]
    assert row() is None


def test_a_verb_that_fails_leaves_no_job(domain: Flask, register: Register) -> None:
    @atomic
    def verb() -> None:
        jobs.add("work")
        raise RuntimeError

    register()
    with pytest.raises(RuntimeError):
        verb()

    assert jobs.run_due() == 0


def test_what_fails_is_tried_again_less_and_less_often_for_a_day(
    domain: Flask, register: Register, clock: time_machine.Traveller
) -> None:
    done = register(fail)
    add()
    waits = []
    while True:
        jobs.run_due()
        if (due_at := row().due_at) is None:
            break
        waits.append(due_at - dt.datetime.now(dt.UTC))
        clock.move_to(due_at)

    assert waits[:5] == [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR]
    assert 24 * HOUR <= sum(waits, dt.timedelta()) < 26 * HOUR
    assert len(done) == len(waits) + 1
    clock.shift(100 * HOUR)
    assert jobs.run_due() == 0 and row().attempts == len(done)


def test_what_failed_is_said_without_what_it_spoke_of(
    domain: Flask, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    register(fail)
    add(address="alice@example.com")
    jobs.run_due()

    assert row().last_error.startswith("RuntimeError in test_jobs.py:")
    assert "RuntimeError" in caplog.text
    assert not any(word in caplog.text + row().last_error for word in ("alice", "s3cr3t"))


def test_a_handler_that_failed_within_a_verb_does_not_hinder_the_next(
    domain: Flask, register: Register
) -> None:
    @atomic
    def half(number: int) -> None:
        db.session.add(Job(kind="nothing", payload="{}", attempts=0, created_at=NOW))
        db.session.flush()
        if number == 1:
            raise RuntimeError

    register(half)
    add(number=1)
    add(number=2)
    jobs.run_due()

    assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.kind == "nothing")) == 1
    assert row().last_error is not None


def test_a_handler_may_ask_for_another_time(
    domain: Flask, register: Register, clock: time_machine.Traveller
) -> None:
    def again(**payload: Any) -> None:
        if dt.datetime.now(dt.UTC) < NOW + 48 * HOUR:
            raise Later(NOW + 48 * HOUR, "not yet")

    register(again)
    add()
    jobs.run_due()
    assert (row().due_at, row().last_error) == (NOW + 48 * HOUR, "not yet")

    clock.shift(48 * HOUR)
    jobs.run_due()
    assert row() is None


def test_workers_side_by_side_never_share_a_job(each_app: Flask, register: Register) -> None:
    done = register()
    with each_app.app_context():
        for number in range(100):
            add(number=number)

    def work(_: int) -> int:
        with each_app.app_context():
            return sum(iter(jobs.run_due, 0))

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(work, range(4)))

    assert sum(counts) == 100
    assert sorted(payload["number"] for payload in done) == list(range(100))


def test_a_job_whose_worker_died_is_taken_up_after_its_lease(
    each_domain: Flask, register: Register, clock: time_machine.Traveller
) -> None:
    done = register()
    add()
    assert len(queue.claim()) == 1  # and then nothing: the worker is dead

    assert jobs.run_due() == 0
    clock.shift(jobs.LEASE)
    assert jobs.run_due() == 1
    assert len(done) == 1 and row() is None


@pytest.mark.parametrize("end", ["finish", "put_off", "give_back"])
def test_a_job_that_outlived_its_lease_is_not_ended_over_anybody_s_head(
    each_domain: Flask, register: Register, clock: time_machine.Traveller, end: str
) -> None:
    register()
    add()
    [slow] = queue.claim()
    clock.shift(jobs.LEASE)
    [other] = queue.claim()
    ends: dict[str, Callable[[queue.Claimed], None]] = {
        "finish": queue.finish,
        "put_off": lambda job: queue.put_off(job, None, "failed"),
        "give_back": lambda job: queue.give_back([job]),
    }

    ends[end](slow)

    assert row().claimed_by == other.claim
    assert row().due_at == NOW + 2 * jobs.LEASE
    queue.finish(other)
    assert row() is None


def test_a_batch_that_hangs_gives_the_rest_back_within_its_lease(
    domain: Flask, register: Register, clock: time_machine.Traveller
) -> None:
    done = register(lambda **payload: clock.shift(4 * MINUTE))
    add()
    add()

    assert jobs.run_due() == 1
    assert row().claimed_by is None and row().attempts == 0
    assert jobs.run_due() == 1
    assert len(done) == 2


def test_a_worker_that_is_stopped_gives_the_rest_back(domain: Flask, register: Register) -> None:
    done = register()
    for _ in range(3):
        add()

    assert jobs.run_due(lambda: len(done) == 1) == 1
    assert jobs.run_due() == 2


def test_what_a_newer_release_wrote_waits_for_its_workers(
    domain: Flask, register: Register
) -> None:
    add()

    assert jobs.run_due() == 0
    assert row().attempts == 0 and row().last_error is None


def test_what_is_periodic_is_done_once_in_a_period_over_all_workers(
    each_app: Flask, register: Register
) -> None:
    done = register(every=HOUR)

    def work(_: int) -> None:
        with each_app.app_context():
            jobs.arm()
            while jobs.run_due():
                pass

    with time_machine.travel(NOW, tick=True) as clock:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        assert len(done) == 1
        clock.shift(HOUR + MINUTE)
        work(0)
        assert len(done) == 2

    with each_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.name == "work")) == 1


def test_what_is_periodic_is_never_given_up(
    domain: Flask, register: Register, clock: time_machine.Traveller
) -> None:
    done = register(fail, every=HOUR)
    jobs.arm()
    for _ in range(30):
        jobs.run_due()
        clock.shift(HOUR)

    assert len(done) == 30
    assert row().due_at is not None


def test_a_database_that_goes_away_is_waited_for(
    each_domain: Flask,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(loop, "IDLE", 0.01)
    monkeypatch.setattr(loop, "AWAY", 0.02)
    done = register()
    add()
    script = iter(["ALTER TABLE job RENAME TO away", "", "", "ALTER TABLE away RENAME TO job"])

    def stop() -> bool:
        if statement := next(script, ""):
            with db.engine.connect() as connection:
                connection.exec_driver_sql(statement)
        return bool(done)

    jobs.work(stop)

    assert len(done) == 1
    said = [record.message for record in caplog.records if record.name == "app.jobs.loop"]
    assert len(said) == 2 and "cannot be used" in said[0] and "again" in said[1]
