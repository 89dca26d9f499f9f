"""What stands in the revisions is told before it is done."""

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


def test_a_percent_sign_stands_there_as_the_engine_gets_it(schema: Schema, tmp_path: Path) -> None:
    column = 'sa.Column("rate", sa.String(9), nullable=False, server_default="5% %%")'
    steps = [f'ddl.add_column("person", {column})', "op.execute(\"SELECT 'all %'\")"]
    folder = written(tmp_path / "migrations", PERSON, ("expand", "\n    ".join(steps)))
    schema.upgrade("0001", directory=str(folder))

    [step] = json.loads(db(schema, folder, "plan", "--json").stdout)["steps"]
    scripts = [
        "\n".join(step["sql"]),
        db(schema, folder, "plan").output,
        db(schema, folder, "upgrade", "--sql", "0001:head").output,
    ]

    for script in scripts:
        assert "'5% %%'" in script
        assert "SELECT 'all %'" in script


def test_nothing_pending_is_said(sqlite_at_head: Schema) -> None:
    assert db(sqlite_at_head, ROOT / "migrations", "plan").output == "Nothing is pending.\n"


def test_the_plan_knows_what_writes_a_table_of_mariadb_anew(
    mariadb: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    add(folder, "expand", 'ddl.drop_not_null("person", "id")')
    add(folder, "contract", 'ddl.set_not_null("person", "slug")', head="requires_done = []")
    mariadb.upgrade("0001", directory=str(folder))

    _, freed, required = json.loads(db(mariadb, folder, "plan", "--json").stdout)["steps"]

    for step in (freed, required):
        [action] = step["actions"]
        assert "two moments at its end" in action["waits"]
