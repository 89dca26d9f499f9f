"""A script of SQL stops by itself before it destroys what no backfill has carried over."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.schema.conftest import Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, db, written
from tests.schema.test_commands import run_script


def fed(schema: Schema, script: str) -> bool:
    """Run the script up to its first error, as its head says; return whether there was none."""
    try:
        run_script(schema, script)
    except (sa.exc.DBAPIError, sqlite3.Error):
        return False
    return True


@pytest.mark.parametrize("part", ["upgrade", "contract"])
def test_a_script_stops_where_rows_are_left_to_do(
    schema: Schema, tmp_path: Path, part: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    schema.upgrade("0001", directory=str(folder))
    schema.execute("INSERT INTO person (name) VALUES ('Alice')")
    if part == "contract":
        schema.upgrade("0002", directory=str(folder))
        schema.execute("UPDATE alembic_version SET version_num = '0003'")
    wanted = ["upgrade", "0001:head"] if part == "upgrade" else ["contract"]
    script = db(schema, folder, *wanted, "--sql").stdout

    assert not fed(schema, script)
    assert schema.version == ("0002" if part == "upgrade" else "0003")
    assert [row.name for row in schema.rows("SELECT name FROM person")] == ["Alice"]

    schema.execute("UPDATE person SET slug = 'somebody else'")  # done, and yet it would be lost
    rest = db(schema, folder, "upgrade", f"{schema.version}:head", "--sql").stdout
    assert not fed(schema, rest)
    assert schema.version == "0003"
    assert [row.name for row in schema.rows("SELECT name FROM person")] == ["Alice"]

    schema.execute("UPDATE person SET slug = name")
    assert fed(schema, db(schema, folder, "contract", "--sql").stdout)
    assert schema.version == "0004"
    assert [tuple(row) for row in schema.rows("SELECT * FROM person")] == [(1, "Alice")]
