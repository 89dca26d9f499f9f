"""What `flask db verify` proves: a way back that comes back, and a release that had rows to try."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.revisions import proof
from tests.schema.conftest import Schema
from tests.schema.histories import PERSON, add, db, written
from tests.services import scratch_database

COUNTED = """
requires_done: list[str] = []
irreversible = "people"
would_lose = sa.select(sa.func.count()).select_from(person)
"""
AT = 'ddl.add_column("person", sa.Column("at", {}, nullable=True))'
NO_AT = 'ddl.drop_column("person", "at")'
WIDER = 'ddl.widen("person", "name", sa.String(63))'


def walks(schema: Schema, folder: Path) -> list[dict[str, Any]]:
    """Return what verify says of a history on the three engines, but drift, which nobody models."""
    with scratch_database("postgresql") as one, scratch_database("mariadb") as other:
        schema.app.config["VERIFY_URLS"] = [one, other]
        found = json.loads(db(schema, folder, "verify", "--json").stdout)
    for facts in found:
        facts["failures"] = [each for each in facts["failures"] if not each.startswith("drift")]
    return found


def test_a_way_back_comes_back_to_what_was(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", AT.format("ddl.timestamp()"), NO_AT)
    add(folder, "expand", WIDER, 'ddl.note("It stays long.")')
    add(folder, "contract", NO_AT, AT.format("sa.DateTime()"), COUNTED)
    add(folder, "expand", 'ddl.create_index("ix_person_name", "person", ["name"])')
    add(folder, "contract", PERSON[2], PERSON[1], COUNTED)

    found = {facts["engine"]: facts["failures"] for facts in walks(sqlite, folder)}

    behind = "0005: going down leaves index ix_person_name behind"
    changes = "0004: going down changes column person.at: "
    aware = "timestamp with time zone becomes timestamp without time zone"
    precise = "`at` datetime(6) DEFAULT NULL becomes `at` datetime DEFAULT NULL"
    # A table that goes comes back; this one, as its revision says, shorter and without its index.
    assert [each for each in found["sqlite"] if "0006" not in each] == [behind]
    assert [each for each in found["postgresql"] if "0006" not in each] == [changes + aware, behind]
    assert [each for each in found["mariadb"] if "0006" not in each] == [changes + precise, behind]
    for failures in found.values():
        assert "0006: going down loses index ix_person_name" in failures
        assert any("0006: going down changes column person.name: " in each for each in failures)


CHECKED = """ddl.create_table(
        "pet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(9), nullable=False),
        sa.CheckConstraint("age < 100", name="ck_pet_age"),
        sa.CheckConstraint("kind IN ('cat', 'dog')", name="ck_pet_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_pet"),
    )"""
LONG = """ddl.create_table(
        "odd",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.CheckConstraint("length(name) = 31", name="ck_odd_name"),
        sa.PrimaryKeyConstraint("id", name="pk_odd"),
    )"""


def test_a_checked_table_is_proven_or_it_is_said(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", ("expand", CHECKED, 'ddl.drop_table("pet")'))
    add(folder, "expand", LONG, 'ddl.drop_table("odd")')
    no_more = "CREATE TRIGGER no BEFORE INSERT ON pet BEGIN SELECT RAISE(ABORT, 'no more'); END"
    only = "if op.get_bind().dialect.name == 'sqlite':\n        "
    add(folder, "expand", f'{only}op.execute("{no_more}")', f'{only}op.execute("DROP TRIGGER no")')

    found = walks(sqlite, folder)

    [failure] = found[0]["failures"]
    assert failure.startswith("the release before, on 0003: INSERT INTO pet")
    assert failure.endswith("no more")
    assert [facts["failures"] for facts in found[1:]] == [[], []]
    assert [list(facts["not_proven"]) for facts in found] == [["odd"]] * 3
    del sqlite.app.config["VERIFY_URLS"]
    spoken = db(sqlite, folder, "verify").output
    assert "  not proven for table odd: no row that is made for it fits: CHECK" in spoken


def test_a_moment_is_made_as_fine_as_its_column_holds_it(schema: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", AT.format("ddl.timestamp()"))
    schema.upgrade(directory=str(folder))

    with schema.engine.connect() as connection:
        person = proof.reflected(connection).tables["person"]
        made = proof.value_of(person.c.at, 1)
        connection.execute(sa.insert(person).values(id=1, at=made))
        read = connection.scalar(sa.select(person.c.at))

    assert made.microsecond
    assert read is not None
    assert read.microsecond == made.microsecond
