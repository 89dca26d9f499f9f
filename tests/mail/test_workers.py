"""Workers as they run: processes of their own, several at once, killed and stopped."""

import datetime as dt
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesHeaderParser

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock, jobs, mail
from app.db import atomic, db
from app.jobs import Job
from app.mail import Mail, State
from config import ROOT
from tests import post_office
from tests.conftest import site_on
from tests.mail.conftest import write
from tests.post_office import PostOffice, until
from tests.processes import Command

MANY = 1000
KEY = "k" * 64
HEADERS = BytesHeaderParser()


@pytest.fixture
def site(each_app: Flask, port: int) -> Iterator[Flask]:
    """A site on each of the three engines, sealing as the workers of `running` unseal."""
    url = each_app.config["SQLALCHEMY_DATABASE_URI"]
    app = site_on(url, SECRET_KEY=KEY, **post_office.settings(port))
    with app.app_context():
        yield app
        db.engine.dispose()


@contextmanager
def running(site: Flask, port: int) -> Iterator[Command]:
    """Run `flask worker` on the site's database until the end of the block."""
    settings = {
        "DATABASE_URL": site.config["SQLALCHEMY_DATABASE_URI"],
        "SECRET_KEY": KEY,
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(port),
        "MAIL_USE_TLS": "0",
    }
    worker = Command("worker", cwd=ROOT, env=os.environ | settings)
    try:
        yield worker
    finally:
        worker.send(signal.SIGKILL)
        worker.wait()


def states() -> Counter[str]:
    db.session.rollback()
    rows = db.session.execute(sa.select(Mail.state, sa.func.count()).group_by(Mail.state))
    return Counter(dict(rows.all()))


@atomic
def write_many() -> None:
    for number in range(MANY):
        address = f"{number}@example.com"
        mail.send("test", to=address, to_key=address, user=None, link=mail.link("site.home"))


@pytest.mark.timeout(300)
def test_two_workers_deliver_each_mail_once(site: Flask, port: int, office: PostOffice) -> None:
    write_many()
    with running(site, port) as one, running(site, port) as other:
        until(lambda: len(office.taken) >= MANY, "all of them sent", seconds=200)
        for worker in (one, other):
            worker.send(signal.SIGTERM)
        assert [worker.wait(10) for worker in (one, other)] == [0, 0]

    assert states() == {State.SENT: MANY}
    # Their headers alone, as text: reading a thousand mails whole takes seconds.
    took = [(head["Message-ID"], head["To"]) for head in map(HEADERS.parsebytes, office.taken)]
    assert len(took) == MANY
    assert [len(set(column)) for column in zip(*took, strict=True)] == [MANY, MANY]
    assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.name.is_(None))) == 0


def test_a_worker_that_is_killed_leaves_nothing_stuck(
    site: Flask, port: int, office: PostOffice
) -> None:
    office.hangs = True
    write()
    write()
    with running(site, port) as worker:
        until(lambda: office.asked, "the server was asked")
        worker.send(signal.SIGKILL)
    assert states() == {State.SENDING: 1, State.QUEUED: 1}
    office.hangs = False
    office.taken.clear()

    jobs.run_due()
    assert office.took() == []
    with time_machine.travel(clock.now() + jobs.LEASE + dt.timedelta(seconds=10), tick=True):
        while jobs.run_due():
            pass

    assert states() == {State.SENT: 2}
    assert len(office.took()) == 2


def test_a_worker_that_is_stopped_finishes_what_it_has_in_hand(
    site: Flask, port: int, office: PostOffice
) -> None:
    office.hangs = True
    for _ in range(3):
        write()
    with running(site, port) as worker:
        until(lambda: office.asked, "the server was asked")
        worker.send(signal.SIGTERM)
        office.hangs = False
        assert worker.wait(10) == 0

    assert states() == {State.SENT: 1, State.QUEUED: 2}
    assert len(office.took()) == 1
    jobs.run_due()  # what was given back is due now
    assert states() == {State.SENT: 3}
