"""A row that points nowhere comes in while a key is made: no key stands over it, in any run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import tighten
from tests.schema.conftest import Schema
from tests.schema.histories import db
from tests.schema.revisions import DROP_THING, THING, history

OWNED = (
    "expand",
    f"""ddl.create_table("owner", sa.Column("id", sa.Integer(), primary_key=True)){THING}
ddl.add_column("thing", sa.Column("owner_id", sa.Integer(), nullable=True))""",
    f'{DROP_THING}\nddl.drop_table("owner")',
)
KEY = (
    "contract",
    'ddl.add_foreign_key("fk", "thing", ["owner_id"], "owner", ["id"])',
    'ddl.drop_foreign_key("fk", "thing")',
)
SAID = "Rows of thing point at owner_id 7, and owner has none such."


@contextmanager
def comes(schema: Schema, before: str) -> Iterator[None]:
    """Let the orphan come before the first statement with these words."""
    came: list[str] = []

    def insert(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if before in statement and not came:
            came.append(statement)
            schema.execute("INSERT INTO thing (owner_id) VALUES (7)")

    sa.event.listen(sa.Engine, "before_cursor_execute", insert)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", insert)
    assert came


def keys(schema: Schema) -> set[str]:
    return {str(key["name"]) for key in sa.inspect(schema.engine).get_foreign_keys("thing")}


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return history(tmp_path, OWNED, KEY)


def becomes_whole(schema: Schema, directory: str) -> None:
    """See that nothing was left, and that a rerun makes the key once the row is mended."""
    assert (schema.version, keys(schema)) == ("0001", set())
    schema.execute("INSERT INTO thing (owner_id) VALUES (7)")  # the release before goes on
    schema.execute("DELETE FROM thing")
    schema.upgrade(directory=directory)
    assert (schema.version, keys(schema)) == ("0002", {"fk"})
    with pytest.raises(sa.exc.IntegrityError):
        schema.execute("INSERT INTO thing (owner_id) VALUES (7)")


def test_one_that_slips_in_before_postgresql_validates_is_named(
    postgresql: Schema, directory: str, caplog: pytest.LogCaptureFixture
) -> None:
    postgresql.upgrade("0001", directory=directory)

    with comes(postgresql, "ADD CONSTRAINT"):
        ran = db(postgresql, Path(directory), "upgrade")

    assert ran.exit_code == 1
    assert SAID in caplog.text
    becomes_whole(postgresql, directory)


def test_one_that_slips_in_before_mariadb_has_the_key_is_named(
    mariadb: Schema, directory: str, caplog: pytest.LogCaptureFixture
) -> None:
    mariadb.upgrade("0001", directory=directory)

    with comes(mariadb, "ADD CONSTRAINT"):
        ran = db(mariadb, Path(directory), "upgrade")

    assert ran.exit_code == 1
    assert SAID in caplog.text
    becomes_whole(mariadb, directory)


def test_the_rerun_looks_at_a_key_that_a_killed_run_left_on_mariadb(
    mariadb: Schema,
    directory: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mariadb.upgrade("0001", directory=directory)
    with monkeypatch.context() as patch, comes(mariadb, "ADD CONSTRAINT"):
        looks: list[str] = []

        def dies(table: str, *pairs: list[str]) -> None:
            looks.append(table)
            if len(looks) > 1:
                raise KeyboardInterrupt

        patch.setattr(tighten, "refuse_orphans", dies)
        with pytest.raises(KeyboardInterrupt):
            mariadb.upgrade(directory=directory)
    assert (mariadb.version, keys(mariadb)) == ("0001", {"fk"})

    assert db(mariadb, Path(directory), "upgrade").exit_code == 1

    assert SAID in caplog.text
    becomes_whole(mariadb, directory)
