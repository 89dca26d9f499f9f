"""The database refuses, resets, falls silent or is slow: the site says so, and then goes on."""

import socket
import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import g
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app import jobs, mail
from app.db import atomic, db, patience
from app.jobs import loop
from tests import post_office
from tests.conftest import site_on
from tests.post_office import until
from tests.resilience.conftest import Behind, Visitor
from tests.resilience.proxy import Proxy

PAGE = patience.PAGE  # which the site behind the proxy has less of


def slow(proxy: Proxy) -> None:
    proxy.delay = 0.5


FAULTS: dict[str, Callable[[Proxy], None]] = {
    "refuses": Proxy.refuse,
    "is silent": Proxy.fall_silent,
    "is slow": slow,
}


@pytest.fixture
def alice(behind: Behind) -> Visitor:
    visitor = behind.visitor()
    assert visitor.log_in().status_code == 303
    return visitor


def is_busy(response: TestResponse) -> bool:
    return response.status_code == 503 and int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_pages_answer_while_the_database_is_away_and_recover(
    behind: Behind, alice: Visitor, fault: str
) -> None:
    stranger = behind.visitor()
    before = counts(behind)
    FAULTS[fault](behind.proxy)

    assert stranger.get("/login").status_code == 200
    assert stranger.get("/up").status_code == 200
    assert is_busy(stranger.log_in())
    if fault != "is slow":  # one statement gets through
        assert is_busy(alice.get("/account"))

    behind.proxy.recover()
    assert stranger.get("/up/ready").status_code == 200
    assert alice.get("/account").status_code == 200
    assert counts(behind) == before
    assert stranger.register("bob").status_code == 303


def counts(behind: Behind) -> list[object]:
    tables = ["user", "user_session", "audit_event", "mail", "job"]
    quote = '"' if behind.url.startswith("postgresql") else "`"
    return [behind.rows(f"SELECT count(*) FROM {quote}{table}{quote}") for table in tables]


def test_nobody_notices_connections_that_were_cut(behind: Behind, alice: Visitor) -> None:
    behind.proxy.cut()
    assert alice.get("/account").status_code == 200
    behind.proxy.cut()
    assert behind.visitor().log_in().status_code == 303


def test_a_sign_up_that_is_cut_anywhere_is_done_wholly_or_not_at_all(behind: Behind) -> None:
    """Cut in place of the first answer, the second, and so on, until there is nothing to cut.

    Every other time the database stays away.
    """
    assert behind.visitor().register("first").status_code == 303
    ends = set()
    for answers in range(60):
        visitor, name = behind.visitor(), f"bob{answers}"
        behind.proxy.cut_after(answers, then_refuses=answers % 2 == 1)
        response = visitor.register(name)
        was_cut = behind.proxy.answers_left is None
        behind.proxy.recover()
        ends.add(response.status_code)
        written = traces(behind, name)
        assert response.status_code == 303 or is_busy(response), answers
        assert written in ({0}, {1}), answers
        # What was answered with "done" is done; the other way round nobody can know.
        assert written == {1} or response.status_code == 503, answers
        if not was_cut:
            break
    assert response.status_code == 303
    assert ends == {303, 503}


def traces(behind: Behind, name: str) -> set[int]:
    """Return how often this sign-up is to be found among people, acts and mails."""
    found = set()
    user = '"user"' if behind.url.startswith("postgresql") else "`user`"
    for query in (
        f"SELECT count(*) FROM {user} WHERE name = '{name}'",
        "SELECT count(*) FROM audit_event"
        f" WHERE event = 'user.registered' AND subject_name = '{name}'",
        f"SELECT count(*) FROM mail WHERE recipient = '{name}@example.com'",
    ):
        found.add(int(behind.rows(query)[0][0]))
    return found


def test_what_a_page_waits_for_in_all_is_less_than_five_seconds() -> None:
    assert patience.PAGE + patience.POOL < 5
    assert patience.CONNECT <= patience.PAGE


@pytest.mark.parametrize("delay", [0.5, 1.5])
def test_pages_answer_within_five_seconds_of_a_database_that_is_slow(
    behind: Behind, monkeypatch: pytest.MonkeyPatch, delay: float
) -> None:
    """With the site's own patience, and no connection yet: connecting is waited for too."""
    monkeypatch.setattr(patience, "PAGE", PAGE)
    with behind.app.app_context():
        db.session.remove()
        db.engine.dispose()
    behind.proxy.delay = delay
    answers: list[TestResponse] = []
    page = threading.Thread(target=lambda: answers.append(behind.visitor().register("bob")))
    page.start()
    try:
        until(lambda: answers, "the page answered", seconds=5)
    finally:
        page.join()
    assert is_busy(answers[0])


def test_those_who_come_next_do_not_wait_for_what_is_known_to_be_silent(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would hold a thread for seconds, and who stands behind them would wait for all."""
    with behind.app.app_context():
        db.session.remove()
        db.engine.dispose()
    behind.proxy.fall_silent()
    monkeypatch.setattr(patience, "PAGE", 1.5)
    monkeypatch.setattr(patience, "AGAIN", 60.0)
    assert is_busy(behind.visitor().log_in())
    lines = len(behind.proxy.pairs)

    assert is_busy(behind.visitor().log_in())
    assert len(behind.proxy.pairs) == lines

    behind.proxy.recover()
    monkeypatch.setattr(patience, "AGAIN", 0.0)


LOCKS = {
    "postgresql": 'LOCK TABLE "user_session" IN ACCESS EXCLUSIVE MODE',
    "mariadb": "LOCK TABLES user_session WRITE",
}


def test_whoever_waits_for_a_lock_in_vain_calls_no_database_silent(
    behind: Behind, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AGAIN", 60.0)
    engine = sa.create_engine(behind.url, poolclass=sa.NullPool)
    with engine.connect() as holder:
        holder.exec_driver_sql(LOCKS[engine.dialect.name])
        assert is_busy(alice.get("/account"))
    with behind.app.app_context():
        db.session.remove()
        db.engine.dispose()  # so that the next has to connect

    assert alice.get("/account").status_code == 200


@pytest.mark.parametrize("spent", [0.0, 0.5])
def test_a_host_of_several_addresses_takes_no_longer_than_one(
    monkeypatch: pytest.MonkeyPatch, spent: float
) -> None:
    monkeypatch.setattr(patience, "PAGE", 0.8)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        app = site_on(f"postgresql+psycopg://nobody@/none?host={where}&host={where}")
        with app.test_request_context():
            g.waited = spent
            with pytest.raises(OperationalError, match="silent"):
                db.engine.connect()


def test_a_worker_waits_for_a_database_that_is_away_and_loses_no_mail(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "AWAY", 0.5)
    port = post_office.free_port()
    behind.app.config.update(post_office.settings(port))
    is_over = threading.Event()

    def work() -> None:
        with behind.app.app_context():
            jobs.work(is_over.is_set)

    with post_office.open_on(port) as office:
        write(behind, "first")
        worker = threading.Thread(target=work)
        worker.start()
        try:
            until(lambda: len(office.taken) == 1, "the first mail came")
            behind.proxy.refuse()
            time.sleep(1)  # longer than the worker looks away
            behind.proxy.recover()
            write(behind, "second")
            until(lambda: len(office.taken) == 2, "the second mail came")
            behind.proxy.cut()
            write(behind, "third")
            until(lambda: len(office.taken) == 3, "the third mail came")
        finally:
            is_over.set()
            worker.join()
    assert {message["To"] for message in office.took()} == {
        f"{name}@example.com" for name in ("first", "second", "third")
    }


def write(behind: Behind, name: str) -> None:
    with behind.app.app_context():
        send_test(f"{name}@example.com")


@atomic
def send_test(to: str) -> None:
    mail.send("test", to=to, to_key=to, user=None, link=mail.link("site.home"))
