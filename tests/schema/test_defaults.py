"""A default that differs from row to row is not a moment's work, and the plan says so."""

import json
from pathlib import Path

import pytest

from app.revisions import defaults
from tests.schema.conftest import Schema
from tests.schema.histories import PERSON, add, db, written

ADD = "ALTER TABLE thing ADD COLUMN made {}"


@pytest.mark.parametrize(
    ("words", "differs"),
    [
        ("VARCHAR(36) DEFAULT uuid()", True),
        ("VARCHAR(36) DEFAULT (uuid())", True),
        ("UUID DEFAULT gen_random_uuid() NOT NULL", True),
        ("VARCHAR(36)", False),
        ("VARCHAR(36) DEFAULT 'uuid()'", False),
        ("INTEGER DEFAULT (1 + (2))", False),
        ("BOOLEAN DEFAULT false", False),
        ("DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)", False),
        ("TIMESTAMP DEFAULT now() NOT NULL", False),
    ],
)
def test_which_defaults_differ_from_row_to_row(words: str, differs: bool) -> None:
    assert defaults.differ(ADD.format(words)) is differs


def test_the_plan_does_not_call_such_a_column_safe(schema: Schema, tmp_path: Path) -> None:
    function = "uuid()" if schema.dialect == "mariadb" else "gen_random_uuid()"
    column = f'sa.Column("made", sa.String(36), server_default=sa.text("({function})"))'
    plain = 'ddl.add_column("person", sa.Column("at", ddl.timestamp(), nullable=True))'
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", plain)
    add(folder, "expand", f'{plain}\n    ddl.add_column("person", {column})')
    schema.upgrade("0001", directory=str(folder))

    plainly, anew = json.loads(db(schema, folder, "plan", "--json").stdout)["steps"]

    assert plainly["safe_while_the_running_release_runs"]
    assert not anew["safe_while_the_running_release_runs"]
    waits = [action["waits"] for action in anew["actions"]]
    assert waits == [plainly["actions"][0]["waits"], defaults.ANEW[schema.dialect]]
    assert "INSTANT" not in waits[1]
