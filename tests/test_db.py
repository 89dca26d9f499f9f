"""One verb, one transaction: all of it or nothing, on each database."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask
from pymysql.connections import Connection as PyMySQL
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import ObjectDeletedError

import app.db as database
from app import clock
from app.accounts.models import User, UserSession
from app.db import atomic, db, violated


@atomic
def add(name: str, *, then: Exception | None = None) -> User:
    user = User(name=name)
    db.session.add(user)
    db.session.flush()
    if then:
        raise then
    return user


def names() -> list[str | None]:
    return list(db.session.scalars(sa.select(User.name).order_by(User.id)))


def test_a_failed_verb_leaves_nothing(each_domain: Flask) -> None:
    names()  # the connection has read in autocommit, which must not leak into the verb
    with pytest.raises(ValueError, match="no"):
        add("alice", then=ValueError("no"))

    assert names() == []
    add("alice")
    assert names() == ["alice"]


def test_a_verb_called_by_a_verb_joins_it(each_domain: Flask) -> None:
    @atomic
    def add_two() -> None:
        add("alice")
        add("bob")
        raise ValueError("both or neither")

    with pytest.raises(ValueError, match="both"):
        add_two()

    assert names() == []


def test_a_write_outside_a_verb_is_refused(each_domain: Flask) -> None:
    db.session.add(User(name="stray"))
    with pytest.raises(RuntimeError, match="@atomic"):
        db.session.flush()
    db.session.rollback()
    for statement in (sa.delete(User), sa.update(User).values(name="x")):
        for send in (db.session.execute, db.session.scalar, db.session.scalars):
            with pytest.raises(RuntimeError, match="@atomic"):
                send(statement)
    assert names() == []


def test_a_verb_decides_on_the_row_as_it_is_now(each_domain: Flask) -> None:
    alice = add("alice")

    @atomic
    def rename_elsewhere() -> None:
        db.session.execute(
            sa.update(User)
            .where(User.id == alice.id)
            .values(name="alicia")
            .execution_options(synchronize_session=False)
        )

    @atomic
    def read_name() -> str | None:
        return alice.name

    rename_elsewhere()

    assert read_name() == "alicia"


@pytest.mark.parametrize("savepoint", [False, True], ids=["plain", "savepoint"])
def test_a_deadlock_runs_the_verb_again(each_domain: Flask, savepoint: bool) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time cannot deadlock")
    ids = [add("alice").id, add("bob").id]
    both_hold_one = Barrier(2)
    runs: list[int] = []

    @atomic
    def take(first: int, second: int) -> None:
        runs.append(first)
        set_display_name(first, f"by {first}")
        if len(runs) <= 2:
            both_hold_one.wait(5)
        with db.session.begin_nested() if savepoint else nullcontext():
            set_display_name(second, f"by {first}")

    def in_a_thread(pair: tuple[int, int]) -> None:
        with each_domain.app_context():
            take(*pair)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(in_a_thread, [(ids[0], ids[1]), (ids[1], ids[0])]))

    assert len(runs) == 3, "one of the two ran again"
    marks = set(db.session.scalars(sa.select(User.display_name)))
    assert len(marks) == 1, "the last verb wrote both rows"


def set_display_name(user_id: int, text: str) -> None:
    db.session.execute(
        sa.update(User)
        .where(User.id == user_id)
        .values(display_name=text)
        .execution_options(synchronize_session=False)
    )


class Locked(Exception):
    """What SQLite's driver raises."""

    sqlite_errorcode = 5


class WaitedTooLong(Exception):
    """What newer releases of PyMySQL raise: the state beside the number may say nothing."""

    sqlstate = "HY000"


@pytest.mark.parametrize(
    "error", [Locked("database is locked"), WaitedTooLong(1205, "Lock wait timeout exceeded")]
)
def test_a_verb_that_never_gets_through_is_busy(domain: Flask, error: Exception) -> None:
    runs = []

    @atomic
    def never() -> None:
        runs.append(1)
        raise OperationalError("update", {}, error)

    with pytest.raises(database.Busy):
        never()
    assert len(runs) == 3


def test_a_read_is_sent_again_when_the_kept_connection_had_died(each_domain: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("there is no connection to lose")
    add("alice")
    asked = sa.select(User.name)
    for send in (db.session.scalars, db.session.scalar, db.session.execute):
        kill_connections_of(db.engine)

        assert send(asked)


def test_a_verb_runs_again_when_the_kept_connection_had_died(each_domain: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("there is no connection to lose")
    add("alice")
    db.session.remove()
    kill_connections_of(db.engine)

    add("bob")

    assert names() == ["alice", "bob"]


def kill_connections_of(engine: sa.Engine) -> None:
    mine = sa.create_engine(engine.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with mine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return
        others = connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist"
            " WHERE db = database() AND id <> connection_id()"
        )
        for (number,) in others.all():
            connection.exec_driver_sql(f"KILL {number}")


def test_each_engine_says_which_key_was_taken(each_domain: Flask) -> None:
    @atomic
    def clash(**columns: str) -> set[str]:
        try:
            with db.session.begin_nested():
                db.session.add(User(**columns))
        except IntegrityError as error:
            return violated(error)
        return set()

    assert clash(name="it's 'quoted' for key 'x'", name_key="a", email_key="a@example.com") == set()
    assert clash(name="it's 'quoted' for key 'x'") == {"name"}
    assert clash(name="b", name_key="a") == {"name_key"}
    assert clash(name="c", email_key="a@example.com") == {"email_key"}


def test_moments_are_aware_and_exact(each_domain: Flask) -> None:
    moment = dt.datetime(2026, 11, 23, 23, 59, 59, 123456, dt.timezone(dt.timedelta(hours=5)))

    @atomic
    def keep() -> None:
        db.session.add(User(name="alice", created_at=moment))

    keep()
    read = db.session.scalars(sa.select(User.created_at)).one()

    assert read == moment
    assert read is not None and read.tzinfo is dt.UTC
    with pytest.raises(Exception, match="time zone"):
        db.session.scalars(sa.select(User).where(User.created_at < dt.datetime(2026, 1, 1)))
    db.session.rollback()


def test_strings_compare_byte_for_byte(each_domain: Flask) -> None:
    for name in ("alice", "Alice", "alice ", "álice", "ａlice"):
        add(name)

    for name in ("alice", "Alice", "alice ", "álice"):
        found = db.session.scalars(sa.select(User.name).where(User.name == name)).all()
        assert found == [name]
    assert names() == ["alice", "Alice", "alice ", "álice", "ａlice"]


def test_ids_are_never_used_again(each_domain: Flask) -> None:
    @atomic
    def remove(user: User) -> None:
        db.session.delete(user)

    first = add("alice")
    number = first.id
    remove(first)

    assert add("bob").id > number


def test_the_sessions_of_somebody_who_is_removed_go_too(each_domain: Flask) -> None:
    @atomic
    def add_session(user: User) -> None:
        now = clock.now()
        db.session.add(
            UserSession(
                user_id=user.id,
                digest="d",
                remembered=False,
                ip="",
                user_agent="",
                created_at=now,
                last_seen_at=now,
            )
        )

    @atomic
    def remove(user_id: int) -> None:
        db.session.execute(sa.delete(User).where(User.id == user_id))

    alice = add("alice")
    add_session(alice)
    remove(alice.id)

    assert db.session.scalar(sa.select(sa.func.count(UserSession.id))) == 0
    with pytest.raises(ObjectDeletedError):
        display_name(alice)


@atomic
def display_name(user: User) -> str | None:
    return user.display_name


def test_a_read_is_one_message(each_domain: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    if db.engine.dialect.name != "mariadb":
        pytest.skip("PyMySQL is the driver that would send a message for each ROLLBACK")
    names()
    db.session.remove()
    messages: list[object] = []
    send = PyMySQL._execute_command

    def count(self: PyMySQL, command: int, sql: object) -> None:
        messages.append(sql)
        send(self, command, sql)

    monkeypatch.setattr(PyMySQL, "_execute_command", count)
    names()
    db.session.remove()

    assert len(messages) == 1


def test_a_verb_that_failed_inside_another_spoils_it_even_when_caught(each_domain: Flask) -> None:
    @atomic
    def add_and_go_on() -> None:
        add("alice")
        with suppress(ValueError):
            add("half-written", then=ValueError())

    with pytest.raises(RuntimeError, match="inside"):
        add_and_go_on()

    assert names() == []
    add("bob")
    assert names() == ["bob"]


def test_what_was_left_lying_outside_a_verb_is_refused_and_not_lost(each_domain: Flask) -> None:
    db.session.add(User(name="stray"))

    with pytest.raises(RuntimeError, match="@atomic"):
        add("alice")
    db.session.rollback()

    assert names() == []


def test_a_commit_whose_answer_is_lost_is_not_done_twice(
    domain: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = db.session().commit
    lost = OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

    def commit_and_lose_the_answer() -> None:
        commit()
        raise lost

    monkeypatch.setattr(db.session(), "commit", commit_and_lose_the_answer)
    with pytest.raises(OperationalError):
        add("alice")
    monkeypatch.undo()

    assert names() == ["alice"]
