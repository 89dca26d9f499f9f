"""What `flask db verify` finds: on scratch databases of its own, it walks and tries everything."""

import json
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.db import db as models
from app.revisions import drift, proof
from tests.schema.conftest import Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, add, db, written
from tests.services import ENGINES, scratch_database


def verified(schema: Schema, folder: Path) -> dict[str, list[str]]:
    """Return what verify says of a history on SQLite; drift is not asked, nobody models it."""
    [facts] = json.loads(db(schema, folder, "verify", "--json").output)
    facts["failures"] = [each for each in facts["failures"] if not each.startswith("drift")]
    return facts


BREAKING = [
    (("expand", 'ddl.drop_column("person", "name")', ADD_NAME := (
        'ddl.add_column("person", sa.Column("name", sa.String(32), nullable=True))'
    )), "0002: INSERT INTO person"),
    (("expand", 'ddl.create_index("ix_person_name", "person", ["name"], unique=True)',
      'ddl.drop_index("ix_person_name", "person")'), "UNIQUE constraint failed: person.name"),
    (("expand", 'op.execute("CREATE TRIGGER t BEFORE DELETE ON person BEGIN '
      "SELECT RAISE(ABORT, 'no'); END\")", 'op.execute("DROP TRIGGER t")'),
     "0002: DELETE FROM person"),
]  # fmt: skip


@pytest.mark.parametrize(("revision", "named"), BREAKING)
def test_what_breaks_the_release_before_is_named(
    sqlite: Schema, tmp_path: Path, revision: tuple[str, str, str], named: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON, revision)

    failures = verified(sqlite, folder)["failures"]

    assert any(each.startswith("the release before, on 0002: ") for each in failures)
    assert any(named in each for each in failures), failures


def test_of_a_contract_it_is_told_and_is_no_failure(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)

    facts = verified(sqlite, folder)

    assert facts["failures"] == []
    assert any(each.startswith("0004: INSERT INTO person") for each in facts["contracts_break"])


def test_going_down_and_up_must_lose_nothing(sqlite: Schema, tmp_path: Path) -> None:
    losing = 'op.execute("DELETE FROM person WHERE id = (SELECT MAX(id) FROM person)")'
    trigger = (
        'op.execute("CREATE TRIGGER IF NOT EXISTS t AFTER UPDATE ON person BEGIN SELECT 1; END")'
    )
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", "pass", losing)
    once = f"if not sa.inspect(op.get_bind()).has_table('gone'):\n        {trigger}\n"
    add(folder, "expand", once +
        "    op.execute('CREATE TABLE IF NOT EXISTS gone (id INTEGER)')",
        'op.execute("DROP TRIGGER t")')  # fmt: skip

    failures = verified(sqlite, folder)["failures"]

    assert "0002: down and up again changes person.id" in failures
    assert "0003: down and up again loses trigger t" in failures


TABLE = (
    "CREATE TABLE thing (id INTEGER NOT NULL, n INTEGER DEFAULT 7, m INTEGER NOT NULL, "
    "k VARCHAR(9), PRIMARY KEY (id), CONSTRAINT ck_thing_m CHECK (m > -1))"
)
DROP_THING = 'ddl.drop_table("thing")'
PARTIAL = "CREATE INDEX ix_thing_n ON thing (n) WHERE m > 1"
LOSING = {
    "loses constraint ck_thing_m": (", CONSTRAINT ck_thing_m CHECK (m > -1)", ""),  # a CHECK
    "changes column thing.n": (" DEFAULT 7", ""),
    "changes column thing.m": (" m INTEGER NOT NULL", " m INTEGER"),
    "changes column thing.k": ("VARCHAR(9)", "VARCHAR(5)"),
    "changes index ix_thing_n": (" WHERE m > 1", ""),  # which MariaDB does not have
}


@pytest.mark.parametrize("lost", LOSING)
def test_what_a_table_is_comes_back_as_it_was(sqlite: Schema, tmp_path: Path, lost: str) -> None:
    def execute(*statements: str) -> str:
        there = [each for each in statements if "INDEX" in each]
        lines = [f"op.execute({each!r})" for each in statements if "INDEX" not in each]
        only = "if op.get_bind().dialect.name != 'mariadb':\n        "
        return "\n    ".join([*lines, *(f"{only}op.execute({each!r})" for each in there)])

    folder = written(tmp_path / "migrations", ("expand", execute(TABLE, PARTIAL), DROP_THING))
    lossy = [text.replace(*LOSING[lost]) for text in (TABLE, PARTIAL)]
    add(folder, "expand", "pass", execute("DROP TABLE thing", *lossy))
    with scratch_database("postgresql") as one, scratch_database("mariadb") as other:
        sqlite.app.config["VERIFY_URLS"] = [one, other]
        walks = json.loads(db(sqlite, folder, "verify", "--json").output)

    for facts in walks:
        named = any(
            each.startswith(f"0002: down and up again {lost}") for each in facts["failures"]
        )
        assert named or (facts["engine"] == "mariadb" and "index" in lost), facts
    assert [facts["engine"] for facts in walks] == list(ENGINES)


def test_two_ends_are_found(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    second = folder / "versions" / "0002_step.py"
    (folder / "versions" / "0003_other.py").write_text(
        second.read_text().replace('revision = "0002"', 'revision = "0003"')
    )

    result = db(sqlite, folder, "verify")

    assert result.exit_code == 1
    assert "The history has two ends (0002, 0003)" in result.output


def test_drift_that_alembic_cannot_see(at_head: Schema) -> None:
    hidden = {
        "sqlite": ["DROP TABLE held_form", "CREATE TABLE held_form (id INTEGER PRIMARY KEY)"],
        "mariadb": ["ALTER TABLE audit_event CONVERT TO CHARACTER SET utf8mb4 "
                    "COLLATE utf8mb4_general_ci"],
        "postgresql": ["UPDATE pg_index SET indisvalid = false "
                       "WHERE indexrelid = 'ix_user_session_user_id'::regclass",
                       "ALTER TABLE user_session ADD CONSTRAINT fk_x FOREIGN KEY (user_id) "
                       'REFERENCES "user" (id) NOT VALID'],
    }  # fmt: skip
    for statement in hidden[at_head.dialect]:
        at_head.execute(statement)

    with at_head.engine.connect() as connection:
        found = " ".join(drift.differences(connection, models.metadata))

    expected = {
        "sqlite": ["held_form uses ids again"],
        "mariadb": ["audit_event.event has collation utf8mb4_general_ci"],
        "postgresql": [
            "index ix_user_session_user_id is INVALID",
            "fk_x of user_session was never",
        ],
    }
    for sentence in expected[at_head.dialect]:
        assert sentence in found


def test_what_broke_off_on_the_site_itself_is_told(postgresql: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    db(postgresql, folder, "upgrade")
    assert json.loads(db(postgresql, folder, "status", "--json").stdout)["trouble"] is None
    postgresql.execute("INSERT INTO person (name) VALUES ('a'), ('a')")
    with postgresql.engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "CREATE UNIQUE INDEX CONCURRENTLY ix_person_name ON person (name)"
        )
    postgresql.execute("ALTER TABLE person ADD CONSTRAINT ck_x CHECK (id > 0) NOT VALID")

    spoken = db(postgresql, folder, "status").output
    told = json.loads(db(postgresql, folder, "status", "--json").stdout)["trouble"]

    assert "Trouble   index ix_person_name is INVALID: its build broke off" in spoken
    assert "constraint ck_x of person was never validated" in told


def test_our_own_tables_are_no_drift(at_head: Schema) -> None:
    at_head.execute("CREATE TABLE _kept_0099_user (id INTEGER)")

    with at_head.engine.connect() as connection:
        assert "schema_run" in sa.inspect(connection).get_table_names()
        assert drift.differences(connection, models.metadata) == []


def test_what_is_tried_where_an_engine_has_no_uuid_is_one() -> None:
    column: sa.Column[str] = sa.Column("id", sa.CHAR(32))

    assert uuid.UUID(proof.value_of(column, 17)).int == 17
