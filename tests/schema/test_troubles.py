"""What a developer meets is said in one sentence, which says what to do; never a traceback."""

import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.revisions import troubles
from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import (
    DROP,
    FILL,
    KEY,
    PERSON,
    add,
    command,
    db,
    one_sentence,
    written,
)


def test_no_database(schema: Schema) -> None:
    there = sa.make_url(schema.url)
    nowhere = "/nowhere/at/all.db" if schema.dialect == "sqlite" else "no_such_database"

    said = one_sentence(command(str(there.set(database=nowhere)), "upgrade"))

    if schema.dialect == "sqlite":
        assert "The file of the database cannot be opened (" in said
        assert "is its folder there, may this user write in it" in said
    else:
        assert "There is no such database (" in said
        assert "create it, or mend DATABASE_URL" in said


def test_no_folder(sqlite: Schema) -> None:
    said = one_sentence(command("sqlite:////nowhere/at/all.db", "status"))

    assert "There is no folder /nowhere/at: make it, or mend DATABASE_URL." in said


def test_no_server(schema: Schema) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite has none")
    said = one_sentence(command(str(sa.make_url(schema.url).set(port=9)), "status"))

    assert "The database does not answer (" in said


def test_no_such_user(schema: Schema) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite has none")
    url = sa.make_url(schema.url).set(username="no_such_user", password="secret")

    said = one_sentence(command(url.render_as_string(hide_password=False), "status"))

    assert "The database does not let this user in (" in said
    assert "are user and password in DATABASE_URL right" in said
    assert "secret" not in said


def test_no_such_host() -> None:
    error = psycopg.OperationalError("failed to resolve host 'no.such.host'")

    assert "is DATABASE_URL right" in troubles.sentence(DBAPIError("", {}, error))


def test_nothing_to_look_at_yet(sqlite: Schema) -> None:
    for look in ("status", "plan"):
        assert "There is no database yet at" in one_sentence(command(sqlite.url, look))
    assert not Path(sa.make_url(sqlite.url).database or "").exists()


@pytest.fixture
def stranger(schema: Schema) -> Iterator[str]:
    """The address of the database for a user who may do nothing in it."""
    name, url = f"stranger_{secrets.token_hex(4)}", sa.make_url(schema.url)
    if schema.dialect == "sqlite":
        schema.upgrade("0001")
        yield f"sqlite:///file:{url.database}?mode=ro&uri=true"
        return
    if schema.dialect == "postgresql":
        make, drop = [f"CREATE ROLE {name} LOGIN"], f"DROP ROLE {name}"
    else:
        who = f"{name}@'%'"
        make, drop = [f"CREATE USER {who}", f"GRANT SELECT ON *.* TO {who}"], f"DROP USER {who}"
    for statement in make:
        schema.execute(statement)
    yield str(url.set(username=name))
    schema.execute(drop)


def test_no_privilege(stranger: str) -> None:
    said = one_sentence(command(stranger, "upgrade"))

    assert "The database does not let this user do that (" in said
    assert "grant it, or use the owner" in said


def test_a_user_who_does_not_own_the_table(postgresql: Schema) -> None:
    postgresql.upgrade("0001")
    name, url = f"stranger_{secrets.token_hex(4)}", sa.make_url(postgresql.url)
    everything = [f"ALL ON {what} IN SCHEMA public" for what in ("ALL TABLES", "ALL SEQUENCES")]
    postgresql.execute(f"CREATE ROLE {name} LOGIN")
    for what in [*everything, "ALL ON SCHEMA public"]:
        postgresql.execute(f"GRANT {what} TO {name}")

    said = one_sentence(command(str(url.set(username=name)), "upgrade"))
    postgresql.execute(f"DROP OWNED BY {name}")
    postgresql.execute(f"DROP ROLE {name}")

    assert "(must be owner of table user): grant it, or use the owner." in said
    assert postgresql.version == "0001"


def test_no_privilege_to_make_a_trigger() -> None:
    refused = pymysql.err.OperationalError(1419, "You do not have the SUPER privilege")

    said = troubles.sentence(DBAPIError("CREATE TRIGGER", {}, refused))

    assert "SET GLOBAL log_bin_trust_function_creators = 1" in said


def test_disk_full(sqlite: Schema) -> None:
    sqlite.upgrade("0001")
    with sqlite.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(DBAPIError) as caught:
            connection.exec_driver_sql("CREATE TABLE more (x)")

    assert isinstance(caught.value.orig, sqlite3.OperationalError)
    assert "is full" in troubles.sentence(caught.value)
    assert "make room, then run the command again" in troubles.sentence(caught.value)


# As the engines said it on a disk that was full, and once with one that fails.
FULL: list[tuple[Exception, str]] = [
    (psycopg.errors.DiskFull("could not extend file: No space left on device"), "is full ("),
    (pymysql.err.OperationalError(1021, "Disk full (/tmp/#sql); waiting"), "is full (1021: "),
    (pymysql.err.OperationalError(1114, "The table 'user' is full"), "is full (1114: "),
    (pymysql.err.InternalError(3, "Error writing file (Errcode: 28)"), "is full (3: "),
    (pymysql.err.OperationalError(1005, "Can't create table (errno: 135)"), "is full (1005: "),
    (pymysql.err.InternalError(1030, "Got error 28 from storage engine"), "is full (1030: "),
    (pymysql.err.OperationalError(1005, "Can't create table (errno: 150)"), "refused: 1005"),
]


@pytest.mark.parametrize(("error", "words"), FULL)
def test_disk_full_on_a_server(error: Exception, words: str) -> None:
    said = troubles.sentence(DBAPIError("ALTER TABLE", {}, error))

    assert words in said
    assert ("make room, then run the command again" in said) == ("is full" in words)


def test_a_missing_revision_file(at_head: Schema, caplog: pytest.LogCaptureFixture) -> None:
    at_head.execute("UPDATE alembic_version SET version_num = '0999'")

    for name in ("upgrade", "plan", "expand", "migrate"):
        said = one_sentence(command(at_head.url, name), caplog)
        assert "The database stands at 0999, and no file here has that revision" in said, name
    status = command(at_head.url, "status")
    assert status.exit_code == 0
    assert "Trouble   The database stands at 0999" in status.output


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), troubles.told():
        raise ZeroDivisionError


def test_a_unique_index_over_duplicates(schema: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    schema.upgrade("0001", directory=str(folder))
    for _ in range(2):
        schema.execute("INSERT INTO person (name) VALUES ('alice')")
    unique = 'ddl.create_index("ix_person_name", "person", ["name"], unique=True)'
    add(folder, "contract", unique, 'ddl.drop_index("ix_person_name", "person")')

    said = one_sentence(db(schema, folder, "contract"))

    assert "ix_person_name cannot be unique: rows of person share their name" in said
    assert schema.version == "0001"


def test_only_the_first_ten_duplicates_are_named(schema: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    schema.upgrade("0001", directory=str(folder))
    for name in range(11):
        for _ in range(2):
            schema.execute("INSERT INTO person (name) VALUES (:name)", name=f"n{name}")
    unique = 'ddl.create_index("ix_person_name", "person", ["name"], unique=True)'
    add(folder, "contract", unique, 'ddl.drop_index("ix_person_name", "person")')

    said = one_sentence(db(schema, folder, "contract"))

    assert [f"{n} and {n + 1}" in said for n in range(1, 23, 2)] == [True] * 10 + [False]
    assert "19 and 20 and more. Nothing was changed" in said


def test_leftovers_are_refused_in_a_sentence(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    sqlite.upgrade("0003", directory=str(folder))
    sqlite.execute("INSERT INTO person (name) VALUES ('alice')")

    assert "Backfill 0003 has not done 1 rows" in one_sentence(db(sqlite, folder, "contract"))


def test_an_engine_too_old(
    schema: Schema, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(troubles.OLDEST, schema.dialect, (99, 1))

    said = one_sentence(db(schema, ROOT / "migrations", "upgrade"), caplog)

    assert f"This is {schema.dialect} " in said
    assert "use 99.1 or a newer one" in said
    assert schema.tables <= {"alembic_version"}
