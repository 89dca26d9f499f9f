"""What stands in the revisions is told before it is done, and what is dangerous is found."""

import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.revisions import squawk
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


def test_the_plan_names_what_a_contract_breaks(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    tightening = [
        'ddl.set_not_null("person", "slug")',
        'ddl.create_unique_index("ix_person_slug", "person", ["slug"])',
        'ddl.drop_table("pet")',
    ]
    add(folder, "contract", "\n    ".join(tightening))
    sqlite.upgrade("0001", directory=str(folder))

    steps = json.loads(db(sqlite, folder, "plan", "--json").stdout)["steps"]

    assert [step["breaks"] for step in steps] == [
        [],
        [],
        ["every statement that names person.name"],
        [
            "INSERT and UPDATE that leave person.slug empty",
            "INSERT and UPDATE that give person.slug what another row has",
            "every statement on pet",
        ],
    ]
    spoken = db(sqlite, folder, "plan").output
    assert "  breaks, of the release before: every statement on pet\n" in spoken


def test_the_plan_names_who_is_in_the_way(schema: Schema, tmp_path: Path) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("see test_plan_on_sqlite: there it is a process")
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
PAL = """ddl.create_index("ix_pal", "person", ["pal"])
    ddl.add_foreign_key("fk_pal", "person", ["pal"], "person", ["id"])"""
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
    "index of a foreign key": ("contract", f'{PAL}\n    ddl.drop_index("ix_pal", "person")'),
    "foreign key without an index": (
        "expand",
        'ddl.add_foreign_key("fk_person_best", "person", ["best"], "person", ["id"])',
    ),
    "unique over rows, by its other name": (
        "expand",
        'ddl.create_unique_index("ix_x", "person", ["name"])',
    ),
    "raw MODIFY": ("contract", 'op.execute("ALTER TABLE person MODIFY name TEXT")'),
    "foreign_keys in a revision": ("contract", 'op.execute("PRAGMA foreign_keys = OFF")'),
    "CHECK over rows": ("contract", 'op.create_check_constraint("ck", "person", "id > 0")'),
    "column past ddl": ("expand", 'op.add_column("person", sa.Column("x", sa.Integer()))'),
    "INSERT of all rows": (
        "expand",
        'op.execute("INSERT INTO pet (name) SELECT name FROM person")',
    ),
    "no stage": ("expanding", "pass"),
    "nothing to wait for": ("contract", "pass"),
}


VOLATILE = 'server_default=sa.text("gen_random_uuid()")'
# What squawk finds on PostgreSQL alone, where a revision goes round ddl.
NAIVE = {
    "require-concurrent-index-creation": 'op.create_index("ix_name", "person", ["name"])',
    "require-concurrent-index-deletion": 'op.drop_index("ix_name", "person")',
    "adding-required-field": f"op.{NOT_NULL[4:]}",
    "adding-field-with-default": 'ddl.add_column("person", sa.Column("x", sa.Uuid(), '
    + VOLATILE
    + "))",
    "changing-column-type": LENGTH,
    "adding-not-nullable-field": 'op.alter_column("person", "name", nullable=False)',
    "adding-foreign-key-constraint": 'op.create_foreign_key("fk", "person", "pet", ["a"], ["id"])',
    "constraint-missing-not-valid": 'op.create_check_constraint("ck", "person", "id > 0")',
    "disallowed-unique-constraint": 'op.create_unique_constraint("uq", "person", ["name"])',
    "renaming-column": 'op.alter_column("person", "name", new_column_name="title")',
    "renaming-table": 'op.rename_table("person", "people")',
    "ban-drop-column": 'op.drop_column("person", "name")',
    "ban-drop-table": 'op.drop_table("person")',
    "ban-truncate-cascade": 'op.execute("TRUNCATE person CASCADE")',
}
LEAST = {"prefer-timestamp-tz": 'op.add_column("person", sa.Column("x", sa.DateTime()))'}


@pytest.mark.parametrize("rule", NAIVE | LEAST)
def test_what_would_make_people_wait_on_postgresql_is_found_where_it_stands(
    sqlite: Schema, tmp_path: Path, rule: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    file = add(folder, "contract", (NAIVE | LEAST)[rule])

    result = db(sqlite, folder, "lint", "--json")

    [found] = [each for each in json.loads(result.stdout) if each["rule"] == rule]
    assert found["file"] == file.name
    assert found["level"] == ("error" if rule in NAIVE else "warning")
    assert (NAIVE | LEAST)[rule] in file.read_text().splitlines()[found["line"] - 1]
    assert found["instead"]


def test_what_ddl_does_is_safe_on_postgresql(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    steps = [
        'ddl.create_index("ix", "person", ["slug"], unique=True)',
        'ddl.set_not_null("person", "slug")',
        'ddl.create_index("ix_friend", "person", ["friend"])',
        'ddl.add_foreign_key("fk", "person", ["friend"], "person", ["id"])',
        'ddl.create_staleness_trigger("person", source="name", derived="slug")',
        'ddl.drop_staleness_trigger("person", derived="slug")',
        'ddl.drop_foreign_key("fk", "person")',
        'ddl.drop_not_null("person", "slug")',
        'ddl.drop_index("ix", "person")',
    ]
    add(folder, "contract", "\n    ".join(steps), head="requires_done: list[str] = []")

    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"


def test_without_squawk_it_says_what_was_not_looked_at(
    sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", NAIVE["require-concurrent-index-creation"])
    monkeypatch.setattr(squawk, "program", lambda: None)

    result = db(sqlite, folder, "lint")

    assert result.exit_code == 0
    assert result.stderr.startswith("PostgreSQL was checked by our own rules alone")
    assert result.stdout == "Nothing dangerous was found.\n"


def test_a_squawk_that_fails_is_not_taken_for_silence(
    sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    monkeypatch.setattr(squawk, "program", lambda: shutil.which("false"))

    result = db(sqlite, folder, "lint")

    assert result.exit_code == 1
    assert "false does not answer" in result.output


@pytest.mark.parametrize("rule", DANGEROUS)
def test_each_danger_is_found_with_what_to_write_instead(
    sqlite: Schema, tmp_path: Path, rule: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    name = add(folder, *DANGEROUS[rule]).name

    result = db(sqlite, folder, "lint", "--json")

    found = [each for each in json.loads(result.stdout) if each["rule"] == rule.partition(",")[0]]
    assert found, result.output
    assert {each["file"] for each in found} == {name}
    assert all(each["instead"] for each in found)
    assert result.exit_code == (0 if rule == "nothing to wait for" else 1)
