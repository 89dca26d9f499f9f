"""On an SQLite that can alter a column in place, nothing is written anew."""

from pathlib import Path

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app.schema import rebuild
from app.schema.engine import Refused
from app.schema.tighten import NATIVE_SQLITE
from tests.schema.conftest import Schema
from tests.schema.revisions import DROP_THING, THING, history

# A newer one than this Python's own; where there is no wheel, pip builds it on an old library.
newer = pytest.importorskip("pysqlite3.dbapi2")
pytestmark = pytest.mark.skipif(
    newer.sqlite_version_info < NATIVE_SQLITE,
    reason=f"NOT RUN: tests of altering in place, pysqlite3 has SQLite {newer.sqlite_version}",
)

REQUIRED = 'ddl.set_not_null("thing", "name")'
NOT_REQUIRED = 'ddl.drop_not_null("thing", "name")'
STORY = ("expand", THING, DROP_THING), ("contract", REQUIRED, NOT_REQUIRED)


@pytest.fixture
def directory(sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    def refuse(table: str, change: rebuild.Change) -> None:
        raise AssertionError(f"{table} was written anew")

    monkeypatch.setattr(rebuild, "rebuild", refuse)
    return history(tmp_path, *STORY)


def run(schema: Schema, directory: str, command: str, revision: str) -> None:
    """Run the command on the newer SQLite. Two in one process must not have one file open."""
    engine = sa.create_engine(schema.url, module=newer, poolclass=sa.NullPool)
    with schema.app.app_context(), engine.connect() as connection:
        config = schema.app.extensions["migrate"].migrate.get_config(directory)
        config.attributes["connection"] = connection
        getattr(alembic.command, command)(config, revision)


def is_nullable(schema: Schema) -> bool:
    columns = sa.inspect(schema.engine).get_columns("thing")
    return next(column["nullable"] for column in columns if column["name"] == "name")


def test_a_column_becomes_required_and_free_again_in_place(sqlite: Schema, directory: str) -> None:
    run(sqlite, directory, "upgrade", "0001")
    sqlite.execute("INSERT INTO thing (id, name) VALUES (1, 'a'), (7, 'b')")
    sqlite.execute("DELETE FROM thing WHERE id = 7")

    run(sqlite, directory, "upgrade", "0002")

    assert not is_nullable(sqlite)
    with pytest.raises(sa.exc.IntegrityError):
        sqlite.execute("INSERT INTO thing (name) VALUES (NULL)")

    run(sqlite, directory, "downgrade", "0001")

    assert is_nullable(sqlite)
    sqlite.execute("INSERT INTO thing (name) VALUES (NULL)")
    assert sqlite.rows("SELECT id, name FROM thing ORDER BY id") == [(1, "a"), (8, None)]


def test_an_empty_row_is_named_there_too(sqlite: Schema, directory: str) -> None:
    run(sqlite, directory, "upgrade", "0001")
    sqlite.execute("INSERT INTO thing (id, name) VALUES (3, NULL)")

    with pytest.raises((Refused, CommandError), match=r"thing\.name is empty in rows 3"):
        run(sqlite, directory, "upgrade", "0002")

    assert is_nullable(sqlite)
