"""A column of MariaDB that is altered stays all else that it was, or nothing is altered."""

from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.revisions import history

MADE = """op.execute('''CREATE TABLE thing (
    id INTEGER PRIMARY KEY,
    c {}
)''')"""
BASE = "from alembic import op"
REQUIRED = "contract", 'ddl.set_not_null("thing", "c")', "pass"


def made(schema: Schema, folder: Path, words: str) -> str:
    directory = history(folder, ("expand", MADE.format(words), "pass", BASE), REQUIRED)
    schema.upgrade("0001", directory=directory)
    return directory


def column(schema: Schema) -> str:
    return str(schema.rows("SHOW CREATE TABLE thing")[0][1]).splitlines()[2].strip(" ,")


@pytest.mark.parametrize(
    "words",
    [
        "int(11) INVISIBLE DEFAULT 1",
        "timestamp NULL INVISIBLE DEFAULT current_timestamp() ON UPDATE current_timestamp()",
    ],
)
def test_what_nobody_selects_stays_invisible(mariadb: Schema, tmp_path: Path, words: str) -> None:
    directory = made(mariadb, tmp_path, words)
    before = column(mariadb)

    mariadb.upgrade(directory=directory)

    after = column(mariadb)
    assert "NOT NULL" in after
    after, before = after.replace("NOT NULL", ""), before.replace(" NULL", "")
    assert sorted(after.split()) == sorted(before.split())


def test_a_generated_column_is_refused(
    mariadb: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = made(mariadb, tmp_path, "int(11) AS (id + 1) STORED")
    before = column(mariadb)

    with pytest.raises(SystemExit):
        mariadb.upgrade(directory=directory)

    assert "thing.c is generated, and MariaDB would forget how" in caplog.text
    assert column(mariadb) == before
