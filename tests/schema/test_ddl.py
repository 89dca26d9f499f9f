"""Each operation in its safe form: it makes nobody wait for long, and can be run again."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import locks
from tests.schema.conftest import Schema
from tests.schema.revisions import ADD_NOTE, DROP_NOTE, DROP_THING, THING, history, sent

BASE = ("expand", THING + ADD_NOTE, DROP_THING)
UNIQUE = 'ddl.create_unique_index("ix_thing_note", "thing", ["note"])'
NOT_UNIQUE = 'ddl.drop_index("ix_thing_note", "thing")'
REQUIRED = 'ddl.set_not_null("thing", "note")'
NOT_REQUIRED = 'ddl.drop_not_null("thing", "note")'


def add_things(schema: Schema, notes: list[str | None]) -> None:
    for note in notes:
        schema.execute("INSERT INTO thing (name, note) VALUES ('x', :note)", note=note)


def nullable(schema: Schema, column: str) -> bool:
    found = sa.inspect(schema.engine).get_columns("thing")
    return next(each["nullable"] for each in found if each["name"] == column)


def test_an_index_over_rows_is_built_while_people_write(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, BASE, ("contract", UNIQUE, NOT_UNIQUE))
    schema.upgrade("0001", directory=directory)
    add_things(schema, ["a", "b", None, None])

    said = " ".join(sent(schema, directory, "head"))

    assert {
        "sqlite": "CREATE UNIQUE INDEX ix_thing_note ON thing (note)",
        "postgresql": "CREATE UNIQUE INDEX CONCURRENTLY ix_thing_note ON thing (note)",
        "mariadb": "ADD UNIQUE INDEX ix_thing_note (note), ALGORITHM=NOCOPY, LOCK=NONE",
    }[schema.dialect] in said
    with pytest.raises(sa.exc.IntegrityError):
        add_things(schema, ["a"])


def test_duplicates_are_named_and_the_old_state_stays(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = history(tmp_path, BASE, ("contract", UNIQUE, NOT_UNIQUE))
    schema.upgrade("0001", directory=directory)
    add_things(schema, [*"abc", "c", "b", "c", None, None])

    with pytest.raises(SystemExit):
        schema.upgrade(directory=directory)

    assert "ix_thing_note cannot be unique: rows of thing share their note" in caplog.text
    assert "by id: 2 and 5; 3 and 6 (of 3)." in caplog.text
    assert sa.inspect(schema.engine).get_indexes("thing") == []
    assert schema.version == "0001"
    schema.execute("UPDATE thing SET note = NULL WHERE id > 3")
    schema.upgrade(directory=directory)
    assert schema.version == "0002"


def test_an_index_that_broke_off_is_built_again(tmp_path: Path, postgresql: Schema) -> None:
    schema, directory = postgresql, history(tmp_path, BASE, ("contract", UNIQUE, NOT_UNIQUE))
    schema.upgrade("0001", directory=directory)
    add_things(schema, ["a", "a"])
    with schema.engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "CREATE UNIQUE INDEX CONCURRENTLY ix_thing_note ON thing (note)"
        )
    invalid = "SELECT COUNT(*) FROM pg_index WHERE NOT indisvalid"
    assert schema.scalar(invalid) == 1
    schema.execute("DELETE FROM thing WHERE id = 2")

    schema.upgrade(directory=directory)

    assert schema.scalar(invalid) == 0
    assert [each["name"] for each in sa.inspect(schema.engine).get_indexes("thing")] == [
        "ix_thing_note"
    ]


def test_a_column_becomes_required_and_stays_what_it_is(schema: Schema, tmp_path: Path) -> None:
    column = (
        'sa.Column("note", sa.String(64), server_default="it\'s 5%: \\\\ :x", comment="why, NULL")'
    )
    base = ("expand", f'{THING}\nddl.add_column("thing", {column})', DROP_THING)
    directory = history(tmp_path, base, ("contract", REQUIRED, NOT_REQUIRED))
    schema.upgrade("0001", directory=directory)
    before = described(schema)
    add_things(schema, ["a"])
    schema.execute("INSERT INTO thing (name) VALUES ('y')")

    said = sent(schema, directory, "head")

    assert not nullable(schema, "note")
    assert described(schema) == before
    assert schema.rows("SELECT note FROM thing ORDER BY id") == [("a",), ("it's 5%: \\ :x",)]
    if schema.dialect == "postgresql":
        assert any(" NOT VALID" in each for each in said)
        assert any(" VALIDATE " in each for each in said)
        assert sa.inspect(schema.engine).get_check_constraints("thing") == []
    if schema.dialect == "mariadb":
        assert any("ALGORITHM=INPLACE, LOCK=NONE" in each for each in said)

    schema.downgrade("0001", directory=directory)
    assert nullable(schema, "note")
    assert described(schema) == before


def test_a_check_of_the_column_is_kept_by_mariadb(mariadb: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, BASE, ("contract", REQUIRED, NOT_REQUIRED))
    mariadb.upgrade("0001", directory=directory)
    mariadb.execute("ALTER TABLE thing MODIFY note VARCHAR(64) CHECK (note <> '' AND note <> '%')")
    add_things(mariadb, ["a"])

    said = sent(mariadb, directory, "head")
    mariadb.downgrade("0001", directory=directory)

    assert "ALGORITHM=INPLACE, LOCK=NONE" in said[-1]
    for wrong in ("", "%"):
        with pytest.raises(sa.exc.DBAPIError):
            add_things(mariadb, [wrong])


def described(schema: Schema) -> list[object]:
    found = sa.inspect(schema.engine).get_columns("thing")
    return [
        (
            c["name"],
            str(c["type"]),
            c["default"],
            c.get("comment"),
            getattr(c["type"], "collation", 0),
        )
        for c in found
    ]


def test_empty_rows_are_named_before_anything_is_required(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = history(tmp_path, BASE, ("contract", REQUIRED, NOT_REQUIRED))
    schema.upgrade("0001", directory=directory)
    add_things(schema, ["a", *[None] * 12])

    with pytest.raises(SystemExit):
        schema.upgrade(directory=directory)

    assert "thing.note is empty in rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and more" in caplog.text
    assert nullable(schema, "note")
    add_things(schema, [None])  # the release that runs goes on


FOREIGN = """ddl.add_foreign_key(
        "fk_thing_of", "thing", ["of"], "user", ["id"], ondelete="CASCADE", onupdate="SET NULL"
    )"""
ACTIONS = {"ondelete": "CASCADE", "onupdate": "SET NULL"}
NOT_FOREIGN = 'ddl.drop_foreign_key("fk_thing_of", "thing")'
OF = """
ddl.create_table("user", sa.Column("id", sa.Integer(), primary_key=True))
ddl.add_column("thing", sa.Column("of", sa.Integer(), nullable=True))
"""


def test_a_foreign_key_over_rows(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = ("expand", THING + OF, f'{DROP_THING}\nddl.drop_table("user")')
    directory = history(tmp_path, base, ("contract", FOREIGN, NOT_FOREIGN))
    schema.upgrade("0001", directory=directory)
    schema.execute('INSERT INTO "user" (id) VALUES (1), (2)')
    schema.execute('INSERT INTO thing (id, "of") VALUES (1, 1), (2, 2), (3, 7), (4, NULL)')
    with pytest.raises(SystemExit):
        schema.upgrade(directory=directory)
    assert "Rows of thing point at of 7, and user has none such." in caplog.text
    assert sa.inspect(schema.engine).get_foreign_keys("thing") == []
    schema.execute('UPDATE thing SET "of" = NULL WHERE id = 3')

    said = " ".join(sent(schema, directory, "head"))

    [key] = sa.inspect(schema.engine).get_foreign_keys("thing")
    assert (key["name"], key["options"]) == ("fk_thing_of", ACTIONS)
    if schema.dialect == "postgresql":
        assert "NOT VALID" in said
        assert "VALIDATE CONSTRAINT" in said
    if schema.dialect == "mariadb":
        assert "ALGORITHM=" in said
    schema.downgrade("0001", directory=directory)
    assert sa.inspect(schema.engine).get_foreign_keys("thing") == []


def test_a_column_goes_with_its_foreign_key(schema: Schema, tmp_path: Path) -> None:
    base = ("expand", THING + OF + FOREIGN, f'{DROP_THING}\nddl.drop_table("user")')
    drop = ("contract", 'ddl.drop_column("thing", "of")', f"{OF.splitlines()[2]}\n{FOREIGN}")
    directory = history(tmp_path, base, drop)
    schema.upgrade("0001", directory=directory)
    schema.execute('INSERT INTO "user" (id) VALUES (1)')
    schema.execute('INSERT INTO thing (id, "of") VALUES (1, 1)')

    schema.upgrade(directory=directory)
    assert schema.columns("thing") == {"id", "name"}

    schema.downgrade("0001", directory=directory)
    assert len(sa.inspect(schema.engine).get_foreign_keys("thing")) == 1


def test_a_column_goes_with_its_indexes(schema: Schema, tmp_path: Path) -> None:
    wide = 'ddl.create_index("ix_thing_name_note", "thing", ["name", "note"])'
    base = ("expand", THING + ADD_NOTE + f"\n{wide}\n{UNIQUE}", DROP_THING)
    directory = history(tmp_path, base, ("contract", DROP_NOTE, ADD_NOTE))
    schema.upgrade("0001", directory=directory)
    add_things(schema, ["a", "b"])

    schema.upgrade(directory=directory)

    assert schema.columns("thing") == {"id", "name"}
    assert sa.inspect(schema.engine).get_indexes("thing") == []


VOLATILE = (
    'ddl.add_column("thing", sa.Column("made", sa.String(36), server_default=sa.func.uuid()))'
)
NOT_MADE = 'ddl.drop_column("thing", "made")'


def test_what_mariadb_does_only_by_copying_is_refused_where_there_are_rows(
    mariadb: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = history(tmp_path, BASE, ("expand", VOLATILE, NOT_MADE))
    mariadb.upgrade("0001", directory=directory)
    add_things(mariadb, ["a"])

    with pytest.raises(SystemExit):
        mariadb.upgrade(directory=directory)

    assert "MariaDB can do this only by copying thing, and whoever writes waits" in caplog.text
    assert "add an empty column instead" in caplog.text
    assert (mariadb.version, "made" in mariadb.columns("thing")) == ("0001", False)
    by_hand = caplog.text.partition("meanwhile: ")[2].partition(". Nothing was changed")[0]
    mariadb.execute(by_hand)
    mariadb.upgrade(directory=directory)
    assert len(mariadb.scalar("SELECT made FROM thing")) == 36


def test_what_mariadb_does_only_by_copying_is_done_where_there_are_none(
    mariadb: Schema, tmp_path: Path
) -> None:
    directory = history(tmp_path, BASE, ("expand", VOLATILE, NOT_MADE))

    mariadb.upgrade(directory=directory)

    add_things(mariadb, ["a"])
    assert len(mariadb.scalar("SELECT made FROM thing")) == 36


def test_what_takes_long_begins_when_nobody_stays_and_waits_for_who_comes_meanwhile(
    mariadb: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = history(tmp_path, BASE, ("contract", UNIQUE, NOT_UNIQUE))
    mariadb.upgrade("0001", directory=directory)
    add_things(mariadb, ["a"])
    monkeypatch.setattr(locks, "TRIES", 2)
    begun: list[str] = []

    with mariadb.engine.connect() as somebody:

        def reads(connection: object, cursor: object, statement: str, *rest: object) -> None:
            if "ADD UNIQUE INDEX" in statement:
                begun.append(statement)
                somebody.exec_driver_sql("SELECT name FROM thing")
                threading.Timer(0.3, somebody.rollback).start()

        sa.event.listen(sa.Engine, "before_cursor_execute", reads)
        try:
            with mariadb.engine.connect() as stays:
                stays.exec_driver_sql("SELECT name FROM thing")
                with pytest.raises(SystemExit):
                    mariadb.upgrade(directory=directory)
            assert begun == []
            mariadb.upgrade(directory=directory)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", reads)

    assert len(begun) == 1


LONG = "long" * 15
DERIVED = "first", "second"
MADE = f"""
ddl.create_table(
    "{LONG}",
    sa.Column("id", sa.Integer(), nullable=False),
    *(sa.Column(name, sa.String(8)) for name in ("name", "first", "second")),
    sa.PrimaryKeyConstraint("id", name="pk_long"),
)
"""
STALE = "\n".join(
    f'ddl.create_staleness_trigger("{LONG}", source="name", derived="{each}")' for each in DERIVED
)
FRESH = "\n".join(f'ddl.drop_staleness_trigger("{LONG}", derived="{each}")' for each in DERIVED)


def test_triggers_of_a_table_with_a_long_name_have_names_of_their_own(
    schema: Schema, tmp_path: Path
) -> None:
    directory = history(tmp_path, ("expand", MADE, "pass"), ("expand", STALE, FRESH))
    schema.upgrade(directory=directory)
    schema.execute(f"INSERT INTO {LONG} (name, first, second) VALUES ('a', '1', '2')")
    derived = f"SELECT first, second FROM {LONG}"

    schema.execute(f"UPDATE {LONG} SET name = 'b'")
    assert schema.rows(derived) == [(None, None)]
    schema.downgrade("0001", directory=directory)
    schema.execute(f"UPDATE {LONG} SET first = '1', second = '2'")
    schema.execute(f"UPDATE {LONG} SET name = 'c'")

    assert schema.rows(derived) == [("1", "2")]
