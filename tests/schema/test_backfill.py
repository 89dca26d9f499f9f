"""Backfills break off, meet live writers, and still leave every row right."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from argon2 import PasswordHasher

from app.db import db
from app.revisions import readiness
from app.schema import backfill, progress
from tests.schema.conftest import Schema

PEOPLE = {f"person {number}": f"password {number}" for number in range(6)}
TWO = {"alice": "in plain text", "bob": "secret"}
WAITING = 'SELECT COUNT(*) FROM "user" WHERE password_hash IS NULL'


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LEAST", 2)
    monkeypatch.setattr(progress, "MOST", 2)


def verified(schema: Schema, people: dict[str, str]) -> bool:
    hasher = PasswordHasher()
    return all(hasher.verify(schema.hash_of(name) or "", people[name]) for name in people)


def breaking_off_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    calls = 0

    def run(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return function(*arguments)

    return run


@pytest.mark.usefixtures("small_batches")
def test_hashing_that_was_interrupted_goes_on_where_it_stopped(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.upgrade("0001")
    schema.add_people(PEOPLE)
    with monkeypatch.context() as patch:
        patch.setattr(backfill, "in_threads", breaking_off_at(3, backfill.in_threads))
        with pytest.raises(KeyboardInterrupt):
            schema.upgrade("0003")
    assert schema.version == "0002"
    assert schema.scalar(WAITING) == 2
    first = schema.hash_of("person 0")

    schema.upgrade("0003")

    assert verified(schema, PEOPLE)
    assert schema.hash_of("person 0") == first  # what is done is not done twice


def run_and_kill(schema: Schema, revision: str, *, batch: int) -> int | None:
    """Upgrade in a process that kill -9 ends in this batch, when it is written, not committed."""
    whole, batches = backfill.transaction, []

    @contextmanager
    def deadly(connection: sa.Connection, stopwatch: progress.Stopwatch) -> Iterator[None]:
        with whole(connection, stopwatch):
            yield
            batches.append(batch)
            if len(batches) == batch:
                os.kill(os.getpid(), signal.SIGKILL)

    def doomed() -> None:
        progress.LEAST = progress.MOST = 2
        backfill.transaction = deadly
        schema.upgrade(revision)

    process = multiprocessing.get_context("fork").Process(target=doomed)
    process.start()
    process.join()
    return process.exitcode


def test_kill_9_in_the_middle_of_a_batch_costs_that_batch_alone(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people(PEOPLE)

    assert run_and_kill(schema, "0003", batch=3) == -signal.SIGKILL
    assert schema.version == "0002"
    assert schema.scalar(WAITING) == 2
    schema.upgrade("0005")
    assert run_and_kill(schema, "0006", batch=2) == -signal.SIGKILL
    assert schema.scalar('SELECT COUNT(*) FROM "user" WHERE name_key IS NULL') == 4
    schema.upgrade()

    assert verified(schema, PEOPLE)
    assert schema.scalar('SELECT COUNT(*) FROM "user" WHERE name_key IS NULL') == 0


def test_no_batch_waits_for_the_disk_but_their_revision_does(schema: Schema) -> None:
    if schema.dialect != "postgresql":
        pytest.skip("only PostgreSQL can tell one commit from another")
    schema.upgrade("0001")
    schema.add_people(PEOPLE)
    waits: dict[str, str] = {}

    def note(connection: Any, cursor: Any, said: str, *rest: Any) -> None:
        if said.startswith("UPDATE"):
            setting = connection.connection.execute("SHOW synchronous_commit").fetchone()
            waits[said.split()[1]] = setting[0]

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        schema.upgrade("0003")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    assert waits['"user"'] == "off"
    assert waits["alembic_version"] == "on"


def test_a_password_that_changes_meanwhile_wins(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.upgrade("0001")
    schema.add_people(PEOPLE)
    hash_all = backfill.in_threads

    def somebody_is_quicker(function: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        change = (
            "UPDATE \"user\" SET password = 'newer' WHERE name = 'person 4' AND password <> 'newer'"
        )
        schema.execute(change)
        return hash_all(function, items)

    monkeypatch.setattr(backfill, "in_threads", somebody_is_quicker)
    schema.upgrade("0004")

    assert verified(schema, PEOPLE | {"person 4": "newer"})


def test_the_old_release_empties_the_hash_of_a_password_that_it_changes(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people({"alice": "old", "bob": "old"})
    schema.upgrade("0003")
    before = schema.hash_of("bob")

    schema.execute("UPDATE \"user\" SET password = 'Old' WHERE name = 'alice'")
    schema.execute("UPDATE \"user\" SET password = 'old' WHERE name = 'bob'")
    assert schema.hash_of("alice") is None
    assert schema.hash_of("bob") == before

    schema.execute("UPDATE \"user\" SET password = 'x', password_hash = 'y' WHERE name = 'bob'")
    assert schema.hash_of("bob") == "y"
    schema.execute("UPDATE \"user\" SET password = NULL WHERE name = 'bob'")
    assert schema.hash_of("bob") is None


def test_a_name_that_changes_meanwhile_wins(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.upgrade("0001")
    schema.add_people({"Alice": None, "Bob": None})
    schema.upgrade("0005")
    write, changes = backfill.Backfill.write, [schema.execute]

    def somebody_is_quicker(self: backfill.Backfill, *arguments: Any) -> int:
        if changes:
            changes.pop()("UPDATE \"user\" SET name = 'Carol' WHERE name = 'Bob'")
        return write(self, *arguments)

    monkeypatch.setattr(backfill.Backfill, "write", somebody_is_quicker)
    schema.upgrade("0007")

    query = 'SELECT name, name_key FROM "user" ORDER BY id'
    assert schema.rows(query) == [("Alice", "alice"), ("Carol", "carol")]


def test_a_row_that_is_never_still_does_not_keep_it_running(
    sqlite: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite.upgrade("0001")
    sqlite.add_people({"Alice": None})
    sqlite.upgrade("0005")
    monkeypatch.setattr(backfill.Backfill, "write", lambda *arguments: 0)

    sqlite.upgrade("0006")

    assert left(sqlite, "0006") == [1]


def test_leftovers_are_counted_without_those_that_are_settled(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people(dict.fromkeys(["Alice", "ALICE", "bob", "", None, "BOB", "Carol"]))
    schema.upgrade("0006")
    assert left(schema, "0006") == []

    schema.execute("UPDATE \"user\" SET name_key = NULL WHERE name = 'bob' OR name = 'Carol'")
    ids = [row.id for row in schema.rows('SELECT id, name FROM "user" ORDER BY id')]
    assert left(schema, "0006") == [ids[2], ids[6]]


def left(schema: Schema, number: str) -> list[int]:
    work = ScriptDirectory(str(readiness.MIGRATIONS)).get_revision(number).module.work
    with schema.engine.connect() as connection:
        return list(work.left(connection))


def test_in_a_transaction_of_the_caller_all_of_it_is_the_callers(schema: Schema) -> None:
    if schema.dialect == "mariadb":
        pytest.skip("MariaDB commits at each change of the schema")
    schema.upgrade("0001")
    schema.add_people(TWO)
    with (
        schema.app.app_context(),
        schema.engine.connect() as connection,
        connection.begin() as outer,
    ):
        if schema.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN")
        upgrade_on(schema, connection)
        count = "SELECT COUNT(*) FROM audit_event"
        assert connection.exec_driver_sql(count).scalar() == 0
        outer.rollback()

    assert schema.version == "0001"
    assert "password_hash" not in schema.columns("user")


def test_a_given_connection_is_used_and_given_back_as_it_was(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people(TWO)
    with schema.app.app_context(), db.engine.connect() as connection:
        upgrade_on(schema, connection)
        if schema.dialect == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with schema.app.app_context():
        db.engine.dispose()

    assert schema.version == max(readiness.story())
    assert verified(schema, TWO)


def upgrade_on(schema: Schema, connection: Any) -> None:
    config = schema.app.extensions["migrate"].migrate.get_config()
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")
