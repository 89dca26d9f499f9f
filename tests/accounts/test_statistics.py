"""The figures of the dashboard: counted by the worker, read by the page."""

import datetime as dt
import threading

import pytest
import time_machine
from flask import Flask

from app import jobs
from app.accounts import statistics
from app.accounts.models import DailyCount
from app.db import db
from tests import factories
from tests.browser import Browser
from tests.conftest import counted
from tests.outbox import Outbox

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def test_nobody_has_counted_yet(domain: Flask) -> None:
    assert statistics.dashboard() is None


def test_a_worker_counts_every_five_minutes(app: Flask, outbox: Outbox) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        with app.app_context():
            jobs.arm()
        outbox.run()
        clock.shift(dt.timedelta(minutes=4))
        with app.app_context():
            factories.person("alice")
            outbox.run()
            assert statistics.dashboard().people == 0
        clock.shift(dt.timedelta(minutes=1))
        outbox.run()
        with app.app_context():
            assert statistics.dashboard().people == 1


def test_it_counts_people_visits_failures_and_sign_ups(each_app: Flask) -> None:
    with time_machine.travel(NOON - 2 * DAY, tick=False) as clock:
        with each_app.app_context():
            factories.person("early")
            factories.claimant("bob")
        clock.shift(2 * DAY)
        with each_app.app_context():
            factories.person("alice")
        browser = Browser(each_app.test_client())
        browser.log_in("bob", "wrong wrong wrong")
        browser.log_in("bob", factories.PASSWORD)
        with each_app.app_context():
            statistics.count()
            statistics.count()  # a second worker, or a second try
            found = statistics.dashboard()

    assert (found.people, found.failed, found.total) == (3, 1, 1)
    assert found.active == 1  # alice was made by somebody else, and has not been here
    assert found.sign_ups[-3:] == [
        (dt.date(2026, 11, 21), 1),
        (dt.date(2026, 11, 22), 0),
        (dt.date(2026, 11, 23), 0),
    ]
    assert len(found.sign_ups) == 30
    assert found.counted_at == NOON


def test_a_day_that_is_over_is_counted_once_more_and_then_never(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        with app.app_context():
            statistics.count()
            assert len(statistics.unsettled(NOON.date())) == 1
        clock.shift(dt.timedelta(hours=12, minutes=30))
        with app.app_context():
            statistics.count()  # an act of midnight may still be under way
            assert len(statistics.unsettled((NOON + DAY).date())) == 2
        clock.shift(dt.timedelta(hours=1))
        with app.app_context():
            statistics.count()
            assert statistics.unsettled((NOON + DAY).date()) == [dt.date(2026, 11, 24)]


def test_two_workers_count_at_once(each_app: Flask) -> None:
    with each_app.app_context():
        factories.person("alice")
    together, failures = threading.Barrier(4), []

    def work() -> None:
        together.wait()
        try:
            with each_app.app_context():
                statistics.count()
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures == []
    with each_app.app_context():
        assert statistics.dashboard().people == 1
        rows = db.session.scalar(db.select(db.func.count()).select_from(DailyCount))
        assert rows == 3 + statistics.DAYS


def test_the_page_reads_them_in_one_statement(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        statistics.count()
        with counted(app, monkeypatch) as notes:
            statistics.dashboard()
    assert len(notes["sql"]) == 1


def test_old_figures_say_that_they_are_old(domain: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        statistics.count()
        assert not statistics.dashboard().is_stale
        clock.shift(dt.timedelta(minutes=16))
        assert statistics.dashboard().is_stale
