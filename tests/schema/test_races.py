"""Somebody is quicker than a contract: it says so, nothing is half done, and a rerun completes."""

import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import tighten
from tests.schema.conftest import Schema
from tests.schema.histories import FILL, KEY, PERSON, db, written

REQUIRED = (
    "contract",
    'ddl.set_not_null("person", "slug")',
    'ddl.drop_not_null("person", "slug")',
    '\nrequires_done = ["0003"]\n',
)


def is_nullable(schema: Schema) -> bool:
    columns = sa.inspect(schema.engine).get_columns("person")
    return next(column["nullable"] for column in columns if column["name"] == "slug")


def test_a_row_that_comes_between_the_backfill_and_not_null(
    mariadb: Schema,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, REQUIRED)
    mariadb.upgrade("0001", directory=str(folder))
    mariadb.execute("INSERT INTO person (name) VALUES ('Alice')")
    came: list[str] = []
    refused: list[int] = []

    def comes(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if " MODIFY " in statement and not came:
            came.append(statement)
            mariadb.execute("INSERT INTO person (name) VALUES ('Bob')")  # the release before

    def refuse(table: str, column: str) -> None:
        if isinstance(error := sys.exception(), sa.exc.DBAPIError):
            refused.append(error.orig.args[0] if error.orig else 0)
        refuse_empty(table, column)

    refuse_empty = tighten.refuse_empty
    monkeypatch.setattr(tighten, "refuse_empty", refuse)
    sa.event.listen(sa.Engine, "before_cursor_execute", comes)
    try:
        ran = db(mariadb, folder, "upgrade")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", comes)

    assert ran.exit_code == 1, ran.output
    assert refused in ([1265], [1138])  # in place, or by a copy
    assert "person.slug is empty in rows 2. Fill them" in caplog.text
    assert (mariadb.version, is_nullable(mariadb)) == ("0003", True)
    mariadb.execute("INSERT INTO person (name) VALUES ('Carol')")  # it goes on
    again = db(mariadb, folder, "contract")
    assert again.exit_code == 1
    assert "Backfill 0003 has not done 2 rows" in again.output
    for stage in ("backfill", "contract"):
        assert db(mariadb, folder, stage).exit_code == 0
    assert (mariadb.version, is_nullable(mariadb)) == ("0004", False)
    assert mariadb.rows("SELECT slug FROM person ORDER BY id") == [("alice",), ("bob",), ("carol",)]
