"""The mail server refuses, falls silent or cuts anywhere: no mail is lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock, jobs
from app.db import db
from app.mail import Mail, State
from tests import post_office
from tests.mail.conftest import write
from tests.post_office import PostOffice
from tests.resilience import proxy
from tests.resilience.proxy import Proxy

ANSWERS = 7  # banner, EHLO, MAIL, RCPT, DATA, the text, QUIT


@pytest.fixture
def office_port() -> int:
    return post_office.free_port()


@pytest.fixture
def office(office_port: int) -> Iterator[PostOffice]:
    with post_office.open_on(office_port) as office:
        yield office


@pytest.fixture
def line(office: PostOffice, office_port: int) -> Iterator[Proxy]:
    with proxy.before("127.0.0.1", office_port) as line:
        yield line


@pytest.fixture
def site(make_app: Callable[..., Flask], line: Proxy) -> Iterator[Flask]:
    app = make_app(**post_office.settings(line.port))
    with app.app_context():
        yield app


def row() -> Mail:
    db.session.expire_all()
    return db.session.scalars(sa.select(Mail)).one()


def deliver_later() -> None:
    with time_machine.travel(clock.now() + timedelta(minutes=6), tick=True):
        jobs.run_due()


@pytest.mark.parametrize("fault", [Proxy.refuse, Proxy.fall_silent], ids=["refuses", "is silent"])
def test_a_mail_waits_for_a_server_that_is_away(
    site: Flask, line: Proxy, office: PostOffice, fault: Callable[[Proxy], None]
) -> None:
    site.config["MAIL_TIMEOUT"] = 0.2  # a line that is silent is waited for
    fault(line)
    write()
    jobs.run_due()
    assert (row().state, office.taken) == (State.DEFERRED, [])

    line.recover()
    deliver_later()
    assert (row().state, len(office.taken)) == (State.SENT, 1)


@pytest.mark.parametrize("answers", range(ANSWERS))
def test_a_mail_whose_line_is_cut_anywhere_comes(
    site: Flask, line: Proxy, office: PostOffice, answers: int
) -> None:
    line.cut_after(answers)
    write()
    jobs.run_due()
    if row().state != State.SENT:
        assert row().state == State.DEFERRED
        deliver_later()

    assert row().state == State.SENT
    # Where the server's word that it has taken it was lost, it comes again under the same number.
    assert len({message["Message-ID"] for message in office.took()}) == 1
