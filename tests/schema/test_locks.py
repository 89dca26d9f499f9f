"""A step that meets a lock lets the queue behind it go, tries again, and names who holds it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, patience
from app.db.blockers import blockers
from app.schema import engine, locks, run
from tests.post_office import until
from tests.schema.conftest import Schema
from tests.schema.revisions import ADD_NOTE, DROP_NOTE, DROP_THING, THING, history

STORY = ("expand", THING, DROP_THING), ("expand", ADD_NOTE, DROP_NOTE)


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Schema, str]:
    """A database of a server, with a table, and the history whose next step alters it."""
    schema, directory = request.getfixturevalue(request.param), history(tmp_path, *STORY)
    schema.upgrade("0001", directory=directory)
    schema.execute("INSERT INTO thing (name) VALUES ('a')")
    return schema, directory


@contextmanager
def idle_transaction(schema: Schema) -> Iterator[sa.Connection]:
    """Somebody reads the table, and goes to lunch."""
    with schema.engine.connect() as connection, schema.engine.connect() as other:
        connection.execute(sa.text("SELECT name FROM thing")).all()
        while not blockers(other):
            time.sleep(0.2)  # MariaDB looks again only if nobody has asked for a while
            other.rollback()
        yield connection


@contextmanager
def counted_reads(schema: Schema) -> Iterator[list[int]]:
    """Read the table all the time; yield how many reads were done at the start of each ALTER."""
    reads, at_tries, over = [0], [], threading.Event()

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("ALTER TABLE thing"):
            at_tries.append(reads[0])

    def read() -> None:
        with schema.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            while not over.wait(0.002):
                connection.execute(sa.text("SELECT name FROM thing")).all()
                reads[0] += 1

    reader = threading.Thread(target=read)
    reader.start()
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield at_tries
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        over.set()
        reader.join()


def test_who_holds_the_lock_is_named_and_readers_go_on(
    served: tuple[Schema, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    schema, directory = served
    monkeypatch.setattr(locks, "TRIES", 3)
    with idle_transaction(schema) as idle, counted_reads(schema) as at_tries:
        query = {"postgresql": "pg_backend_pid()", "mariadb": "CONNECTION_ID()"}[schema.dialect]
        connection = idle.execute(sa.text(f"SELECT {query}")).scalar()
        with pytest.raises(SystemExit):
            schema.upgrade(directory=directory)

    assert "A lock was not to be had in 3 tries" in caplog.text
    assert f"Connection {connection} (" in caplog.text
    ending = {"postgresql": "pg_terminate_backend({})", "mariadb": "KILL {}"}[schema.dialect]
    assert ending.format(connection) in caplog.text
    assert len(at_tries) == 3
    assert at_tries[0] < at_tries[1] < at_tries[2]  # nobody queued from one try to the next
    assert schema.version == "0001"
    schema.upgrade(directory=directory)
    assert schema.columns("thing") == {"id", "name", "note"}


def test_a_lock_that_goes_away_is_waited_for(served: tuple[Schema, str]) -> None:
    schema, directory = served
    with idle_transaction(schema) as idle, counted_reads(schema) as at_tries:
        upgrade = threading.Thread(target=schema.upgrade, kwargs={"directory": directory})
        upgrade.start()
        while len(at_tries) < 2:
            time.sleep(0.02)
        idle.rollback()
        upgrade.join()

    assert schema.version == "0002"
    outcomes = schema.rows("SELECT revision, stage, outcome FROM schema_run ORDER BY id")
    assert outcomes == [("0001", "expand", "upgraded"), ("0002", "expand", "upgraded")]


def test_who_has_only_begun_is_named_before_anybody_waits_longer(
    served: tuple[Schema, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    schema, directory = served
    monkeypatch.setattr(locks.random, "uniform", lambda least, most: least)  # as hasty as it gets
    said: list[str] = []

    def note(*arguments: Any) -> None:
        said.append(arguments[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        with schema.engine.connect() as idle:
            idle.execute(sa.text("SELECT * FROM thing"))
            upgrade = threading.Thread(target=schema.upgrade, kwargs={"directory": directory})
            upgrade.start()
            until(lambda: "has had a transaction open" in caplog.text, "it is named")
            idle.rollback()
            upgrade.join()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    setting, longer = locks.LONGER[schema.dialect]
    assert f"SET SESSION {setting} = {longer}" not in said
    assert schema.version == "0002"


def test_only_where_nobody_in_particular_is_in_the_way_does_it_wait_longer(
    postgresql: Schema,
) -> None:
    with postgresql.engine.connect() as connection:

        def waits(seconds: float, *named: str) -> str:
            locks.hurry(connection, seconds, list(named))
            return connection.exec_driver_sql("SHOW lock_timeout").scalar_one()

        assert waits(0) == waits(locks.HURRIED) == "35ms"
        assert waits(locks.HURRIED + 1) == "150ms"
        assert waits(locks.HURRIED + 1, "somebody at lunch") == "35ms"


def test_what_the_site_or_a_change_writes_goes_on_to_the_disk_at_once(
    postgresql: Schema,
) -> None:
    show = "SHOW backend_flush_after"
    with postgresql.app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql(show).scalar_one() == patience.FLUSHED
    with run.connected(postgresql.engine.url) as connection, run.whole_transactions(connection):
        assert connection.exec_driver_sql(show).scalar_one() == patience.FLUSHED


FILLED = """
thing = sa.table("thing", sa.column("id"), sa.column("name"), sa.column("note"))
work = backfill.Backfill(
    table=thing,
    due=thing.c.note.is_(None),
    reads=["name"],
    compute=lambda connection, rows: {row.id: {"note": row.name} for row in rows},
)
"""


def test_what_lets_nobody_read_is_brief_and_what_checks_rows_takes_its_time(
    postgresql: Schema, tmp_path: Path
) -> None:
    tighten = """ddl.create_unique_index("ix_thing_note", "thing", ["note"])
ddl.set_not_null("thing", "note")"""
    directory = history(
        tmp_path, *STORY, ("backfill", "work.run()", "pass", FILLED), ("contract", tighten, "pass")
    )
    postgresql.upgrade("0001", directory=directory)
    postgresql.execute("INSERT INTO thing (name) VALUES ('a')")
    database = postgresql.engine.url.database
    postgresql.execute(f"ALTER DATABASE {database} SET statement_timeout = '7s'")
    limits: dict[str, str] = {}

    def note(connection: sa.Connection, cursor: Any, said: str, *rest: object) -> None:
        with connection.connection.cursor() as beside:
            beside.execute("SHOW statement_timeout")
            limits[said] = beside.fetchone()[0]

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        postgresql.upgrade(directory=directory)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    for words in ("ADD COLUMN note", "NOT VALID", "SET NOT NULL"):
        assert {limit for said, limit in limits.items() if words in said} == {engine.BRIEF}, words
    for words in ("UPDATE thing", "INDEX CONCURRENTLY", "VALIDATE CONSTRAINT"):
        assert {limit for said, limit in limits.items() if words in said} == {"0"}, words


def test_what_was_checked_is_not_read_again_while_everybody_waits(
    postgresql: Schema, tmp_path: Path
) -> None:
    tighten = 'ddl.set_not_null("thing", "name")'
    directory = history(tmp_path, STORY[0], ("contract", tighten, "pass"))
    postgresql.upgrade("0001", directory=directory)
    postgresql.execute("INSERT INTO thing (name) VALUES ('a')")
    database = postgresql.engine.url.database
    postgresql.execute(f"ALTER DATABASE {database} SET client_min_messages = 'debug1'")
    said: list[str] = []

    def listen(connection: Any, record: object) -> None:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))

    sa.event.listen(sa.pool.Pool, "connect", listen)
    try:
        postgresql.upgrade(directory=directory)
    finally:
        sa.event.remove(sa.pool.Pool, "connect", listen)

    proven = [line for line in said if line.startswith("existing constraints on column")]
    assert proven == [
        'existing constraints on column "thing.name" are sufficient to prove that it does not '
        "contain nulls"
    ]
    checks = postgresql.scalar("SELECT COUNT(*) FROM pg_constraint WHERE conname LIKE 'ck_%'")
    assert checks == 0


def test_a_change_that_writes_the_table_anew_is_undone(
    postgresql: Schema,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = """ddl.add_column("thing", sa.Column(
    "note", sa.Text(), nullable=True, server_default=sa.text("pg_sleep(0.2)::text")
))"""
    directory = history(tmp_path, STORY[0], ("expand", slow, DROP_NOTE))
    postgresql.upgrade("0001", directory=directory)
    postgresql.execute("INSERT INTO thing (name) VALUES ('a')")
    monkeypatch.setattr(engine, "BRIEF", "50ms")

    with pytest.raises(SystemExit):
        postgresql.upgrade(directory=directory)

    assert "was not done in 50ms" in caplog.text
    assert postgresql.version == "0001"
    assert postgresql.columns("thing") == {"id", "name"}


def test_a_failure_is_noted_and_the_session_is_given_back_as_it_was(
    schema: Schema, tmp_path: Path
) -> None:
    directory = history(tmp_path, STORY[0], ("expand", 'raise RuntimeError("no")', "pass"))
    with pytest.raises(SystemExit):
        schema.upgrade(directory=directory)

    runs = schema.rows("SELECT revision, outcome, ended_at >= started_at FROM schema_run")
    assert [tuple(row) for row in runs] == [("0001", "upgraded", 1), ("0002", "failed", 1)]
    settings = locks.SETTINGS[schema.dialect]
    if schema.dialect == "postgresql":  # where no limit is the server's own default
        database = schema.engine.url.database
        schema.execute(f"ALTER DATABASE {database} SET statement_timeout = '7s'")
    with schema.engine.connect() as connection:
        show = {"postgresql": "SHOW {}", "mariadb": "SELECT @@{}"}.get(schema.dialect, "")
        before = [connection.exec_driver_sql(show.format(name)).scalar() for name in settings]
        with locks.short_waits(connection):
            inside = [connection.exec_driver_sql(show.format(name)).scalar() for name in settings]
        after = [connection.exec_driver_sql(show.format(name)).scalar() for name in settings]
    assert after == before
    assert all(one != other for one, other in zip(inside, before, strict=True))
