"""Two names of a column hold the same while two releases write, each under its own."""

from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.revisions import history

THING = """
ddl.create_table(
    "thing",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("user", sa.String(8)),
    sa.Column("key", sa.String(8)),
    sa.PrimaryKeyConstraint("id", name="pk_thing"),
)
"""
BEGIN = 'ddl.keep_in_step("thing", old="user", new="key")'
END = 'ddl.end_step("thing", old="user", new="key")'
BOTH = 'SELECT "user", "key" FROM thing ORDER BY id'


@pytest.fixture
def thing(schema: Schema, tmp_path: Path) -> Schema:
    """A table with a row of before, whose columns are kept in step, for the second time."""
    directory = history(tmp_path, ("expand", THING, "pass"), ("expand", BEGIN + "\n" + BEGIN, END))
    schema.upgrade("0001", directory=directory)
    schema.execute("INSERT INTO thing (\"user\") VALUES ('before')")
    schema.upgrade(directory=directory)
    return schema


def written(schema: Schema, statement: str) -> tuple[str | None, str | None]:
    """Return what stands under both names in the newest row once this has run."""
    schema.execute(statement)
    return tuple(schema.rows(BOTH)[-1])


def test_what_either_release_inserts_the_other_sees(thing: Schema) -> None:
    insert = "INSERT INTO thing ({}) VALUES ({})"

    assert written(thing, insert.format('"user"', "'a'")) == ("a", "a")
    assert written(thing, insert.format('"key"', "'b'")) == ("b", "b")
    assert written(thing, insert.format('"user", "key"', "'c', 'd'")) == ("c", "d")
    assert written(thing, insert.format('"user", "key"', "NULL, NULL")) == (None, None)


def test_what_either_release_changes_or_clears_the_other_sees(thing: Schema) -> None:
    thing.execute("INSERT INTO thing (\"user\") VALUES ('a')")
    update = "UPDATE thing SET {} WHERE id > 1"

    assert written(thing, update.format("\"user\" = 'b'")) == ("b", "b")
    assert written(thing, update.format("\"key\" = 'c'")) == ("c", "c")
    assert written(thing, update.format('"key" = NULL')) == (None, None)
    assert written(thing, update.format("\"key\" = 'd'")) == ("d", "d")
    assert written(thing, update.format('"user" = NULL')) == (None, None)
    assert written(thing, update.format("\"user\" = 'e', \"key\" = 'f'")) == ("e", "f")
    assert written(thing, update.format("id = 7")) == ("e", "f")


def test_a_row_of_before_stays_until_somebody_writes_it(thing: Schema) -> None:
    assert written(thing, "UPDATE thing SET id = 2") == ("before", None)
    assert written(thing, "UPDATE thing SET \"key\" = 'a'") == ("a", "a")
