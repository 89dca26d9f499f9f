"""What the plan says of SQLite: which tables it has to write anew, and who is writing now."""

import json
import os
import sys
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa

from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import PERSON, add, db, written

KEY = 'sa.ForeignKey("person.id", name="fk_pal")'
PAL = """ddl.add_column("person", sa.Column("pal", sa.Integer(), nullable=True))
    ddl.create_index("ix_pal", "person", ["pal"])
    ddl.add_foreign_key("fk_pal", "person", ["pal"], "person", ["id"])"""
STEPS = {
    'ddl.set_not_null("person", "name")': True,
    'ddl.add_foreign_key("fk_best", "person", ["best"], "person", ["id"])': True,
    'ddl.drop_foreign_key("fk_pal", "person")': True,
    f'ddl.add_column("person", sa.Column("x", sa.Integer(), {KEY}, nullable=True))': True,
    'ddl.drop_column("person", "pal")': True,
    'ddl.add_column("person", sa.Column("x", sa.Integer(), nullable=True))': False,
    'ddl.drop_column("person", "name")': False,
    'ddl.create_index("ix", "person", ["name"])': False,
}


def anew(schema: Schema, folder: Path) -> list[list[str]]:
    steps = json.loads(db(schema, folder, "plan", "--json").stdout)["steps"]
    spoken = db(schema, folder, "plan").output
    assert any(step["written_anew"] for step in steps) == (" ANEW: whoever writes waits" in spoken)
    return [step["written_anew"] for step in steps]


@pytest.fixture(params=STEPS)
def planned(sqlite: Schema, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A history with this step to come, on a table of which a column has a key."""
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", PAL)
    sqlite.upgrade("0002", directory=str(folder))
    add(folder, "contract", request.param)
    return folder, request.param


def test_where_texts_can_be_edited_no_table_is_written_anew(
    sqlite: Schema, planned: tuple[Path, str]
) -> None:
    assert anew(sqlite, planned[0]) == [[]]


def test_where_they_cannot_it_says_which(
    sqlite: Schema, planned: tuple[Path, str], defended: None
) -> None:
    folder, step = planned

    assert anew(sqlite, folder) == [["person"] if STEPS[step] else []]


def test_a_table_of_a_tutorial_is_written_anew_and_ours_is_not(sqlite: Schema) -> None:
    sqlite.upgrade("0001")
    assert not any(anew(sqlite, ROOT / "migrations"))
    sqlite.execute("DROP TABLE user")
    sqlite.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, password TEXT)")
    with sqlite.app.app_context():
        flask_migrate.stamp(revision="0001", purge=True)

    assert anew(sqlite, ROOT / "migrations")[0] == ["user"]


def test_tables_that_no_rowid_counts_are_no_obstacle(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    sqlite.upgrade("0001", directory=str(folder))
    for table in ("keyed (a TEXT PRIMARY KEY) WITHOUT ROWID", "worded (rowid TEXT)"):
        sqlite.execute(f"CREATE TABLE {table}")
        sqlite.execute(f"INSERT INTO {table.split()[0]} VALUES ('a'), ('b')")
    sqlite.execute("CREATE VIRTUAL TABLE found USING fts5(words)")
    for table in ("keyed", "worded", "found"):
        add(folder, "contract", f'ddl.drop_table("{table}")')

    plan = db(sqlite, folder, "plan", "--json")

    assert plan.exit_code == 0, plan.output
    assert [step["rows"] for step in json.loads(plan.stdout)["steps"]] == [2, 2, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux tells who it is")
def test_who_is_writing_is_named(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    sqlite.upgrade(directory=str(folder))
    assert json.loads(db(sqlite, folder, "plan", "--json").stdout)["blockers"] == []
    with sqlite.engine.connect() as idle:
        idle.execute(sa.text("INSERT INTO person (name) VALUES ('open')"))

        [said] = json.loads(db(sqlite, folder, "plan", "--json").stdout)["blockers"]

    assert said.startswith(f"Process {os.getpid()} (")
