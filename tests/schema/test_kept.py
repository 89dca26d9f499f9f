"""A downgrade loses nothing silently: what it takes away comes back with the next upgrade."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import clock
from app.cli.kept import tables
from app.jobs.queue import HANDLERS
from app.schema import state
from tests.schema.conftest import Schema
from tests.schema.revisions import ADD_NOTE, DROP_NOTE, DROP_THING, THING, history
from tests.schema.test_run import until_done

MORE = """
ddl.add_column("thing", sa.Column("at", ddl.timestamp(), nullable=True))
ddl.add_column("thing", sa.Column("count", sa.Integer(), nullable=False, server_default="1"))
"""
DROP_MORE = """
ddl.drop_column("thing", "count")
ddl.drop_column("thing", "at")
"""
PART = """
ddl.create_table(
    "part",
    sa.Column("id", ddl.big_id(), nullable=False),
    sa.Column("thing_id", sa.Integer(), nullable=True),
    sa.Column("name", ddl.key(64), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_part"),
    sa.ForeignKeyConstraint(["thing_id"], ["thing.id"], name="fk_part", ondelete="CASCADE"),
)
ddl.create_index("ix_part_name", "part", ["name"], unique=True)
"""
STORY = [
    ("expand", THING, DROP_THING),
    ("expand", ADD_NOTE + MORE, DROP_MORE + DROP_NOTE),
    ("expand", PART, 'ddl.drop_table("part")'),
]
THINGS = "SELECT id, name, note, count FROM thing ORDER BY id"
PARTS = "SELECT id, thing_id, name FROM part ORDER BY id"


def filled(schema: Schema, directory: str) -> None:
    schema.upgrade(directory=directory)
    schema.execute(
        "INSERT INTO thing (id, name, note, at, count) VALUES "
        "(1, 'a', 'it''s', '2026-11-23 18:00:00.123456', 2), (2, 'b', NULL, NULL, 1), "
        "(3, 'c', 'three', NULL, 5)"
    )
    schema.execute("INSERT INTO part (thing_id, name) VALUES (1, 'p'), (NULL, 'q'), (3, 'r')")


def kept_in(schema: Schema) -> list[str]:
    with schema.engine.connect() as connection:
        return tables(connection)


def test_columns_and_tables_come_back(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    before = schema.rows(THINGS), schema.rows(PARTS), schema.rows("SELECT at FROM thing")

    schema.downgrade("0001", directory=directory)
    assert schema.columns("thing") == {"id", "name"}
    assert sorted(kept_in(schema)) == ["_kept_0002_thing", "_kept_0003_part"]
    schema.upgrade(directory=directory)

    assert (schema.rows(THINGS), schema.rows(PARTS), schema.rows("SELECT at FROM thing")) == before
    assert kept_in(schema) == []
    schema.execute("INSERT INTO part (thing_id, name) VALUES (1, 'new')")  # ids go on


def test_a_table_comes_back_from_the_very_beginning(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    before = schema.rows(THINGS), schema.rows(PARTS)

    schema.downgrade("base", directory=directory)
    assert schema.tables == {"alembic_version"}
    schema.upgrade(directory=directory)

    assert (schema.rows(THINGS), schema.rows(PARTS)) == before


def test_what_is_gone_or_newer_meanwhile_is_left_alone(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    schema.downgrade("0001", directory=directory)
    schema.execute("DELETE FROM thing WHERE id = 3")

    schema.upgrade(directory=directory)

    assert schema.rows(THINGS) == [(1, "a", "it's", 2), (2, "b", None, 1)]
    assert schema.rows(PARTS) == [(1, 1, "p"), (2, None, "q")]


def swept(schema: Schema) -> None:
    """Do what the worker does every hour."""
    with schema.app.app_context():
        HANDLERS["schema.sweep_kept"]()


def let_pass(schema: Schema, revision: str, *, days: int) -> None:
    """Let these days have passed since anything was done with the revision."""
    with schema.engine.begin() as connection:
        old = sa.update(state.runs).where(state.runs.c.revision == revision)
        connection.execute(old.values(ended_at=clock.now() - timedelta(days=days)))


def test_who_is_removed_meanwhile_is_removed_there_too(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    schema.downgrade("0001", directory=directory)
    schema.execute("DELETE FROM thing WHERE id = 3")

    swept(schema)

    assert schema.rows("SELECT id FROM _kept_0002_thing ORDER BY id") == [(1,), (2,)]
    assert schema.rows("SELECT name FROM _kept_0003_part ORDER BY name") == [("p",), ("q",)]


def test_what_waits_to_be_given_back_is_left_alone(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    schema.downgrade("base", directory=directory)
    swept(schema)
    schema.execute("CREATE TABLE thing (id INTEGER)")  # as a run does, a moment before it fills it
    swept(schema)
    schema.execute("DROP TABLE thing")

    schema.upgrade(directory=directory)

    assert len(schema.rows(PARTS)) == 3


def test_what_is_secret_or_derived_is_not_kept(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = '\nddl.create_staleness_trigger("thing", source="name", derived="note")'
    untrigger = 'ddl.drop_staleness_trigger("thing", derived="note")\n'
    secret = 'ddl.drop_column("thing", "key", secret=True)'
    key = 'ddl.add_column("thing", sa.Column("key", sa.String(8), nullable=True))'
    steps = STORY[0], ("expand", ADD_NOTE + trigger, untrigger + DROP_NOTE), ("expand", key, secret)
    directory = history(tmp_path, *steps)
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO thing (name, note, \"key\") VALUES ('old', 'of old', 'k')")

    schema.downgrade("0001", directory=directory)
    schema.execute("UPDATE thing SET name = 'new'")
    schema.upgrade(directory=directory)

    assert "thing.note is not kept: it was derived" in caplog.text
    assert schema.rows('SELECT note, "key" FROM thing') == [(None, None)]
    assert kept_in(schema) == []


def test_after_thirty_days_it_is_gone(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(schema, directory)
    schema.downgrade("0001", directory=directory)
    let_pass(schema, "0003", days=31)

    swept(schema)
    assert kept_in(schema) == ["_kept_0002_thing"]
    schema.upgrade(directory=directory)

    assert schema.rows(PARTS) == []
    assert len(schema.rows("SELECT id FROM thing WHERE note IS NOT NULL")) == 2


def test_on_mariadb_both_ways_may_die_after_any_statement(mariadb: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    filled(mariadb, directory)
    before = mariadb.rows(THINGS), mariadb.rows(PARTS)

    until_done(lambda to: mariadb.downgrade(to, directory=directory), "0001")
    until_done(lambda to: mariadb.upgrade(to, directory=directory), "head")

    assert (mariadb.rows(THINGS), mariadb.rows(PARTS)) == before
