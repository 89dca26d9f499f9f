"""What stands in the revisions is told before it is done, and what is dangerous is found."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, add, db, written


def test_the_plan_tells_each_step_and_changes_nothing(schema: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    schema.upgrade("0001", directory=str(folder))
    for name in ("a", "b"):
        schema.execute("INSERT INTO person (name) VALUES (:name)", name=name)
    if schema.dialect == "postgresql":
        schema.execute("ANALYZE person")

    told = json.loads(db(schema, folder, "plan", "--json").stdout)

    assert [step["revision"] for step in told["steps"]] == ["0002", "0003", "0004"]
    expand, backfill, contract = told["steps"]
    assert [action["operation"] for action in expand["actions"]] == ["add_column"]
    assert any("ADD COLUMN" in statement for statement in expand["sql"])
    assert "A backfill of person" in backfill["sql"][0]
    assert backfill["actions"][0]["table"] == "person"
    assert contract["no_way_back"] == "names"
    safe = [step["safe_while_the_running_release_runs"] for step in told["steps"]]
    assert safe == [True, True, False]
    assert expand["rows"] == 2
    assert schema.version == "0001"
    spoken = db(schema, folder, "plan").output
    assert "NO WAY BACK: names go for ever" in spoken
    assert "who waits:" in spoken


def test_the_plan_names_who_is_in_the_way(schema: Schema, tmp_path: Path) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite does not know who holds its lock")
    folder = written(tmp_path / "migrations", PERSON, KEY)
    schema.upgrade("0001", directory=str(folder))
    with schema.engine.connect() as idle:
        idle.execute(sa.text("INSERT INTO person (name) VALUES ('open')"))
        idle.execute(sa.text(SLEEP[schema.dialect]))

        told = json.loads(db(schema, folder, "plan", "--json").stdout)["blockers"]

    assert any("has had a transaction open" in each for each in told)


# Whoever is in the way for less than a second is not named.
SLEEP = {"postgresql": "SELECT pg_sleep(1.1)", "mariadb": "SELECT SLEEP(2.1)"}


def test_nothing_pending_is_said(sqlite_at_head: Schema) -> None:
    assert db(sqlite_at_head, ROOT / "migrations", "plan").output == "Nothing is pending.\n"


def test_the_revisions_of_this_project_pass(sqlite: Schema) -> None:
    result = db(sqlite, ROOT / "migrations", "lint")

    assert (result.exit_code, result.output) == (0, "Nothing dangerous was found.\n")
    assert sqlite.tables == set()


NOT_NULL = 'ddl.add_column("person", sa.Column("x", sa.String(9), nullable=False))'
LENGTH = 'op.alter_column("person", "name", existing_type=sa.String(32), type_=sa.String(64))'
DANGEROUS = {
    "mixed stages": ("expand", 'ddl.drop_column("person", "name")'),
    "unbatched write": ("backfill", "op.execute(\"UPDATE person SET name = 'x'\")"),
    "rendered write": (
        "expand",
        "write = sa.update\n    op.execute(write(person).values(name='x'))",
    ),
    "imports the models": ("expand", "pass", "pass", "from app.accounts.models import User"),
    "NOT NULL without a default": ("expand", NOT_NULL),
    "unique over rows": (
        "expand",
        'ddl.create_index("ix_person_name", "person", ["name"], unique=True)',
    ),
    "unnamed constraint": (
        "expand",
        'ddl.create_table("x", sa.Column("id", sa.Integer()), sa.UniqueConstraint("id"))',
    ),
    "native ENUM": (
        "expand",
        'ddl.add_column("person", sa.Column("x", sa.Enum("a", "b", name="letters")))',
    ),
    "SQLite writes the table anew": ("contract", LENGTH),
    "MariaDB copies the table": ("contract", LENGTH),
    "data dies uncounted": ("contract", 'ddl.drop_table("person")'),
    "no stage": ("expanding", "pass"),
    "nothing to wait for": ("contract", "pass"),
}


@pytest.mark.parametrize("rule", DANGEROUS)
def test_each_danger_is_found_with_what_to_write_instead(
    sqlite: Schema, tmp_path: Path, rule: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    name = add(folder, *DANGEROUS[rule]).name

    result = db(sqlite, folder, "lint", "--json")

    found = [each for each in json.loads(result.stdout) if each["rule"] == rule]
    assert found, result.output
    assert {each["file"] for each in found} == {name}
    assert all(each["instead"] for each in found)
    assert result.exit_code == (0 if rule == "nothing to wait for" else 1)
