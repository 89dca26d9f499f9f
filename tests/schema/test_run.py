"""A run is alone, all or nothing where the engine lets it, and can be run again where not."""

import getpass
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app.schema import state
from app.schema.engine import Refused
from tests.schema.comparison import differences
from tests.schema.conftest import HEAD, Schema

PEOPLE = {f"person {number}": "secret" for number in range(4)}


def test_two_upgrades_at_once_both_succeed(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people(PEOPLE)

    runs = [schema.start("db", "upgrade") for _ in range(2)]
    codes = [run.wait() for run in runs]

    said = [run.stderr for run in runs]
    assert codes == [0, 0], said
    assert sum(f"-> {HEAD}" in text for text in said) == 1  # the other found nothing to do
    assert schema.version == HEAD


class Cut(Exception):
    """The power fails."""


@contextmanager
def power_failing_after(fails: Callable[[str], bool]) -> Iterator[None]:
    """Let each change of the schema through, then fail if so told: it is complete by then."""

    def look(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if re.match(r"\s*(CREATE|ALTER|DROP)", statement) and fails(statement):
            raise Cut

    sa.event.listen(sa.Engine, "after_cursor_execute", look)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", look)


def until_done(command: Callable[..., None], revision: str) -> int:
    """Run the command again and again, dying once after each statement; return how often."""
    seen: set[str] = set()

    def is_new(statement: str) -> bool:
        return statement not in seen and not seen.add(statement)  # type: ignore[func-returns-value]

    with power_failing_after(is_new):
        while True:
            try:
                command(revision)
            except Cut:
                continue
            return len(seen)


def test_on_mariadb_a_run_may_die_after_any_statement(mariadb: Schema) -> None:
    mariadb.upgrade("0001")
    mariadb.add_people({"alice": "secret"})

    assert until_done(mariadb.upgrade, "head") > 20
    assert mariadb.version == HEAD
    assert not differences(mariadb)

    assert until_done(mariadb.downgrade, "base") > 15
    assert mariadb.tables == {"alembic_version"}


def test_elsewhere_a_revision_that_dies_leaves_nothing(schema: Schema) -> None:
    if schema.dialect == "mariadb":
        pytest.skip("MariaDB commits each statement: see the test above")
    schema.upgrade("0004")
    before = schema.columns("user")

    with power_failing_after(lambda said: "display_name" in said), pytest.raises(Cut):
        schema.upgrade()

    assert schema.version == "0004"
    assert schema.columns("user") == before


def test_who_ran_it_is_noted_also_where_the_notes_are_older_than_that(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.execute("ALTER TABLE schema_run DROP COLUMN who")
    with schema.engine.connect() as connection:
        assert [row.who for row in state.history(connection)] == [None]

    schema.upgrade("0002")

    with schema.engine.connect() as connection:
        newest, oldest = state.history(connection)
    assert (newest.revision, newest.who) == ("0002", f"{getpass.getuser()}@{socket.gethostname()}")
    assert (oldest.revision, oldest.who) == ("0001", None)
    with schema.app.app_context():
        said = schema.app.test_cli_runner().invoke(args=["db", "status"]).output
    assert f", run by {newest.who}" in said


def test_rows_that_point_at_a_person_survive(at_head: Schema) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    alice = at_head.scalar('SELECT id FROM "user"')
    at_head.execute(
        "INSERT INTO user_session (user_id, digest, remembered, ip, user_agent, created_at, "
        "last_seen_at) VALUES (:alice, 'd', :no, '::1', '', '2026-11-01', '2026-11-01')",
        alice=alice,
        no=False,
    )

    at_head.downgrade("0008")
    at_head.upgrade()

    assert at_head.rows("SELECT user_id, digest FROM user_session") == [(alice, "d")]
    [key] = sa.inspect(at_head.engine).get_foreign_keys("user_session")
    assert key["name"] == "fk_user_session_user_id_user"
    assert key["options"] == {"ondelete": "CASCADE"}


def test_on_sqlite_a_row_that_points_at_nothing_stops_the_run(sqlite: Schema) -> None:
    sqlite.upgrade("0009")
    sqlite.execute(
        "INSERT INTO user_session (user_id, digest, remembered, ip, user_agent, created_at, "
        "last_seen_at) VALUES (99, 'd', 0, '::1', '', '2026-11-01', '2026-11-01')"
    )

    with pytest.raises(SystemExit):
        sqlite.upgrade()

    assert sqlite.version == "0009"
    assert issubclass(Refused, RuntimeError)  # which Flask-Migrate says in a sentence
