"""Revisions are read alike, however their calls are written: in order, or by name."""

import json
from pathlib import Path

from tests.schema.conftest import Schema
from tests.schema.histories import PERSON, add, db, written

PAL_COLUMN = """ddl.add_column("person", sa.Column("pal", sa.Integer(), nullable=True))
    ddl.create_index(op.f("ix_pal"), table="person", columns=["pal"])
    ddl.add_foreign_key("fk_pal", "person", ["pal"], "person", ["id"])"""
AS_WRITTEN = 'ddl.drop_index(op.f("ix_pal"), table_name="person")'


def test_the_plan_and_lint_read_an_index_drop_as_migrate_writes_it(
    sqlite: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON, ("expand", PAL_COLUMN))
    add(folder, "contract", AS_WRITTEN, "pass", "requires_done: list[str] = []\n")

    sqlite.upgrade("0001", directory=str(folder))

    steps = json.loads(db(sqlite, folder, "plan", "--json").stdout)["steps"]
    found = json.loads(db(sqlite, folder, "lint", "--json").stdout)

    assert [(each["operation"], each["table"]) for each in steps[1]["actions"]] == [
        ("drop_index", "person")
    ]
    assert "drop_index person" in db(sqlite, folder, "plan").output
    rules = [(each["file"], each["rule"]) for each in found]
    assert ("0003_step.py", "index of a foreign key") in rules
    assert ("0002_step.py", "foreign key without an index") not in rules


def test_why_a_revision_cannot_be_a_script_is_said(sqlite: Schema, tmp_path: Path) -> None:
    asks = 'sa.inspect(op.get_bind()).has_table("pet")'
    folder = written(tmp_path / "migrations", PERSON, ("expand", asks))

    found = json.loads(db(sqlite, folder, "lint", "--json").stdout)

    [said] = {each["instead"] for each in found if "for sqlite" in each["instead"]}
    assert "0002 cannot be written as SQL for sqlite (NoInspectionAvailable: " in said
    assert said.endswith("looks before acting through ddl")
