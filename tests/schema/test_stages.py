"""Each stage is run by a command of its own, and the commands say where a change stands."""

import json
from pathlib import Path

import pytest

from app.schema import state
from tests.schema.conftest import Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, db, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "migrations", PERSON, KEY, FILL, DROP, KEY_TWO)


KEY_TWO = (
    "expand",
    'ddl.add_column("person", sa.Column("second", sa.String(32), nullable=True))',
    'ddl.drop_column("person", "second")',
)


def add_person(schema: Schema, name: str) -> None:
    schema.execute("INSERT INTO person (name) VALUES (:name)", name=name)


def test_each_command_runs_its_stage_and_no_other(schema: Schema, folder: Path) -> None:
    assert db(schema, folder, "expand").exit_code == 0
    assert schema.version == "0002"
    add_person(schema, "alice")

    early = db(schema, folder, "contract")
    assert early.exit_code == 1
    assert "0003: Step 0003. [backfill] comes first: run `flask db backfill`." in early.output
    assert schema.version == "0002"

    assert db(schema, folder, "backfill").exit_code == 0
    assert (schema.version, schema.scalar("SELECT slug FROM person")) == ("0003", "alice")
    assert "0004: Step 0004. [contract] comes first" in db(schema, folder, "expand").output
    assert db(schema, folder, "contract").exit_code == 0
    assert schema.version == "0004"
    nothing = db(schema, folder, "contract")
    assert (nothing.exit_code, "Nothing to do: no contract is pending." in nothing.output) == (
        0,
        True,
    )
    assert db(schema, folder, "expand").exit_code == 0
    assert schema.version == "0005"


def test_what_a_live_release_left_is_filled_by_running_the_backfill_again(
    schema: Schema, folder: Path
) -> None:
    for stage in ("expand", "backfill"):
        db(schema, folder, stage)
    add_person(schema, "bob")

    shut = db(schema, folder, "contract")
    assert shut.exit_code == 1
    assert "Backfill 0003 has not done 1 rows of person: id 1." in shut.output
    assert "run `flask db backfill` and `flask db contract`" in shut.output
    assert db(schema, folder, "backfill").exit_code == 0
    assert db(schema, folder, "contract").exit_code == 0

    assert schema.version == "0004"
    assert schema.scalar("SELECT slug FROM person") == "bob"


def test_data_dies_only_by_its_name(schema: Schema, folder: Path) -> None:
    for stage in ("expand", "backfill"):
        db(schema, folder, stage)
    schema.execute("INSERT INTO person (name, slug) VALUES ('Alice', 'somebody else')")

    shut = db(schema, folder, "contract")
    assert shut.exit_code == 1
    assert "1 row would lose what is carried nowhere else (names)." in shut.output
    assert "`flask db contract --yes-destroy person.name`" in shut.output
    stopped = db(schema, folder, "upgrade")
    assert stopped.exit_code == 0
    assert "Stopped before 0004" in stopped.output
    assert schema.version == "0003"
    wrong = db(schema, folder, "contract", "--yes-destroy", "person.nmae")
    assert (wrong.exit_code, "no contract drops 'person.nmae'" in wrong.output) == (2, True)

    assert db(schema, folder, "contract", "--yes-destroy", "person.name").exit_code == 0
    assert schema.version == "0004"


@pytest.mark.parametrize(("answer", "version"), [("y", "0005"), ("n", "0003")])
def test_on_a_terminal_it_asks(sqlite: Schema, folder: Path, answer: str, version: str) -> None:
    for stage in ("expand", "backfill"):
        db(sqlite, folder, stage)
    sqlite.execute("INSERT INTO person (name, slug) VALUES ('Alice', 'somebody else')")

    code, said = sqlite.answered(answer, "db", "-d", str(folder), "upgrade")

    assert code == 0
    assert "Destroy person.name for ever?" in said
    assert sqlite.version == version


def test_status_tells_people_and_programs_the_same(schema: Schema, folder: Path) -> None:
    for stage in ("expand", "backfill"):
        db(schema, folder, stage)

    told = db(schema, folder, "status").output
    assert "Version   0003 (2 pending, head is 0005)" in told
    assert "Next      `flask db contract`" in told
    assert "open    0004 Step 0004. [contract]" in told
    assert "Backfill  0003 person: 100 % (0 of 0 rows), done" in told
    facts = json.loads(db(schema, folder, "status", "--json").output)
    assert (facts["version"], facts["head"], facts["stage"]) == ("0003", "0005", "contract")
    assert [step["done"] for step in facts["change"]] == [True, True, True, False]
    assert [run["revision"] for run in facts["runs"]] == ["0003", "0002", "0001"]
    assert all(run["outcome"] == "upgraded" for run in facts["runs"])


def test_a_stage_as_sql_needs_no_database(schema: Schema, folder: Path) -> None:
    expected = {
        "expand": "ADD COLUMN second",
        "backfill": "-- A backfill of person",
        "contract": "DROP COLUMN name",
    }
    for stage, line in expected.items():
        printed = db(schema, folder, stage, "--sql")
        assert printed.exit_code == 0
        assert line in printed.output
    assert schema.tables == set()


def test_a_backfill_that_is_under_way_is_told(schema: Schema, folder: Path) -> None:
    db(schema, folder, "expand")
    none = db(schema, folder, "backfill", "--pause")
    assert (none.exit_code, "No backfill is under way" in none.output) == (1, True)
    with schema.engine.begin() as connection:
        state.begin(connection, "0003", "person", 9)

    for option, control in (("--pause", "pause"), ("--resume", "run"), ("--cancel", "cancel")):
        told = db(schema, folder, "backfill", option)
        assert told.exit_code == 0, told.output
        with schema.engine.connect() as connection:
            assert state.told(connection, "0003") == control


def test_a_dry_run_leaves_nothing(schema: Schema, folder: Path) -> None:
    db(schema, folder, "expand")
    for name in ("Alice", "Bob"):
        add_person(schema, name)

    tried = db(schema, folder, "backfill", "--dry-run", "1")

    assert tried.exit_code == 0, tried.output
    assert "1 of 1 rows were written" in tried.output
    assert "2 rows of person are due" in tried.output
    assert schema.scalar("SELECT COUNT(*) FROM person WHERE slug IS NOT NULL") == 0
    assert schema.version == "0002"


def test_what_does_not_go_together_is_wrong_usage(sqlite: Schema, folder: Path) -> None:
    assert db(sqlite, folder, "backfill", "--pause", "--sql").exit_code == 2
    assert db(sqlite, folder, "expand", "--yes-destroy", "x").exit_code == 2


@pytest.mark.parametrize("other", ["--resume", "--cancel", "--batch=5"])
def test_two_orders_at_once_are_refused_and_neither_is_given(
    sqlite: Schema, folder: Path, other: str
) -> None:
    with sqlite.engine.begin() as connection:
        state.begin(connection, "0003", "person", 9)

    result = db(sqlite, folder, "backfill", "--pause", other)

    assert result.exit_code == 2
    assert "--pause, --resume and --cancel go with no other option." in result.output
    with sqlite.engine.connect() as connection:
        assert state.told(connection, "0003") == "run"


def test_help_has_an_example(sqlite: Schema, folder: Path) -> None:
    for command in ("plan", "lint", "expand", "backfill", "contract", "status", "verify"):
        said = " ".join(db(sqlite, folder, command, "--help").output.split())
        assert f"Example: flask db {command}" in said
