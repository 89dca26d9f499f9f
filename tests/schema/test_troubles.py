"""What a developer meets is said in one sentence, which says what to do; never a traceback."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
import sqlalchemy as sa
from click.testing import Result
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.revisions import troubles
from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, add, db, written


def command(url: str, *arguments: str) -> Result:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        return app.test_cli_runner().invoke(args=["db", *arguments])


def one_sentence(result: Result, logged: pytest.LogCaptureFixture | None = None) -> str:
    """Return what a command said that failed; Flask-Migrate's own say it through their logger."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    said = result.output + (logged.messages[-1] if logged and logged.messages else "")
    return " ".join(said.split())


def test_no_database(schema: Schema) -> None:
    there = sa.make_url(schema.url)
    nowhere = "/nowhere/at/all.db" if schema.dialect == "sqlite" else "no_such_database"

    said = one_sentence(command(str(there.set(database=nowhere)), "upgrade"))

    assert "The database does not answer (" in said
    assert "is DATABASE_URL right" in said


def test_no_server(schema: Schema) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite has none")
    said = one_sentence(command(str(sa.make_url(schema.url).set(port=9)), "status"))

    assert "The database does not answer (" in said


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


def test_two_heads(sqlite: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    text = (folder / "versions" / "0002_step.py").read_text()
    other = text.replace('revision = "0002"', 'revision = "0003"')
    (folder / "versions" / "0003_other.py").write_text(other)

    for name in ("upgrade", "migrate", "expand"):
        said = one_sentence(db(sqlite, folder, name), caplog)
        assert "The history has two ends (0002, 0003)" in said, name


def test_the_same_number_twice(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    sqlite.upgrade("0001", directory=str(folder))
    text = (folder / "versions" / "0002_step.py").read_text()
    (folder / "versions" / "0002_other.py").write_text(text)

    with pytest.warns(UserWarning, match="present more than once"):
        assert "two ends (0002)" in one_sentence(db(sqlite, folder, "plan"))


def test_a_missing_revision_file(at_head: Schema, caplog: pytest.LogCaptureFixture) -> None:
    at_head.execute("UPDATE alembic_version SET version_num = '0999'")

    for name in ("upgrade", "plan", "expand", "migrate"):
        said = one_sentence(command(at_head.url, name), caplog)
        assert "The database stands at 0999, and no file here has that revision" in said, name
    status = command(at_head.url, "status")
    assert status.exit_code == 0
    assert "Trouble   The database stands at 0999" in status.output


def test_an_edited_revision(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(sqlite, folder, "upgrade")
    assert "Trouble" not in db(sqlite, folder, "status").output
    file = folder / "versions" / "0002_step.py"
    file.write_text(file.read_text().replace("sa.String(32), nullable", "sa.String(64), nullable"))

    said = db(sqlite, folder, "status").output

    assert "0002 was edited after it ran here: put it back as it was" in said


FIRST = "0001_step.py"
MISTAKES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "0001_step.py, line": (FIRST, lambda file: file.write_text("def upgrade(:")),
    "No module named 'nowhere'. Mend it": (FIRST, lambda file: file.write_text("import nowhere")),
    "codec can't decode byte": (FIRST, lambda file: file.write_bytes(b'"""\xff\xfe"""')),
    "0001_step.py does not say its `stage`": (
        FIRST,
        lambda file: file.write_text(file.read_text().replace('stage = "expand"', "")),
    ),
    "first to last ('0001' is missing)": (FIRST, Path.unlink),
    "first to last (Cycle is detected": (
        FIRST,
        lambda file: file.write_text(file.read_text().replace("None", '"0002"', 1)),
    ),
}


@pytest.mark.filterwarnings("ignore:Revision 0001 referenced")
@pytest.mark.parametrize("said", MISTAKES)
def test_a_revision_file_that_cannot_be_read(sqlite: Schema, tmp_path: Path, said: str) -> None:
    folder, (name, spoil) = written(tmp_path / "migrations", PERSON, KEY), MISTAKES[said]
    db(sqlite, folder, "upgrade", "0001")
    spoil(folder / "versions" / name)

    assert said in one_sentence(db(sqlite, folder, "status"))
    if "stage" not in said:
        assert said in one_sentence(db(sqlite, folder, "upgrade"))


def test_a_revision_that_breaks(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", ("expand", "1 / 0"))

    said = one_sentence(db(sqlite, folder, "upgrade"))

    assert "The revision 0001_step.py, line " in said
    assert "cannot be run: ZeroDivisionError: division by zero. Mend it" in said


@pytest.mark.parametrize("verb", ["set_not_null", "drop_not_null"])
def test_a_column_that_is_not_there(sqlite: Schema, tmp_path: Path, verb: str) -> None:
    misspelt = ("expand", f'ddl.{verb}("person", "nmae")')
    folder = written(tmp_path / "migrations", PERSON, misspelt)

    assert "cannot be run: KeyError: 'nmae'" in one_sentence(db(sqlite, folder, "upgrade"))


def test_a_folder_that_lacks_what_runs_it(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    (folder / "env.py").unlink()

    said = one_sentence(db(sqlite, folder, "upgrade"))

    assert "The folder of the revisions cannot be used: " in said and "env.py" in said


@pytest.mark.parametrize("name", ["upgrade", "downgrade", "stamp", "show"])
def test_a_destination_that_was_left_empty(sqlite: Schema, name: str) -> None:
    assert "The revision that was asked for is empty" in one_sentence(command(sqlite.url, name, ""))


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
