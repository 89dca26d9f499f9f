"""A string grows in place: nothing is copied, nothing forgotten, and a rerun finds it done."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import rebuild
from tests.schema.comparison import shape
from tests.schema.conftest import Schema
from tests.schema.histories import db
from tests.schema.revisions import DROP_THING, history, sent
from tests.schema.test_authoring import migrate, new_files

THING = """
ddl.create_table(
    "thing",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("full_name", sa.String(32), nullable=True),
    sa.Column("name", ddl.key(8), nullable=False, server_default="it's :5%", comment="why"),
    sa.Column("long_name", sa.String(64), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_thing"),
)
ddl.create_index("ix_thing_name", "thing", ["name"], unique=True)
"""
BASE = ("expand", THING, DROP_THING)
WIDER = ("expand", 'ddl.widen("thing", "name", ddl.key(63))', 'ddl.note("It stays as it is.")')
PAST = ("expand", 'ddl.widen("thing", "full_name", sa.String(64))', "pass")
FROM_LESS = ("expand", 'ddl.widen("thing", "name", ddl.key(64))', "pass")
LONGER = ("expand", 'ddl.widen("thing", "long_name", sa.String(254))', "pass")


@pytest.fixture
def nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(table: str, change: rebuild.Change) -> None:
        raise AssertionError(f"{table} was written anew")

    monkeypatch.setattr(rebuild, "rebuild", refuse)


@pytest.fixture
def filled(schema: Schema, tmp_path: Path, nothing_anew: None) -> str:
    directory = history(tmp_path, BASE, WIDER, LONGER)
    schema.upgrade("0001", directory=directory)
    schema.execute("INSERT INTO thing (name) VALUES ('a'), ('b')")
    return directory


def test_a_string_grows_and_stays_what_it_is(schema: Schema, filled: str) -> None:
    before = len(shape(schema))

    said = sent(schema, filled, "head")

    assert len(shape(schema)) == before  # and nothing is lost that hangs on the table
    schema.execute("INSERT INTO thing (name, long_name) VALUES (:name, :long)",
                   name="x" * 63, long="y" * 254)  # fmt: skip
    with pytest.raises(sa.exc.IntegrityError):
        schema.execute("INSERT INTO thing (name) VALUES ('a')")
    schema.execute("INSERT INTO thing (id) VALUES (9)")
    assert schema.scalar("SELECT name FROM thing WHERE id = 9") == "it's :5%"
    types = {each["name"]: each for each in sa.inspect(schema.engine).get_columns("thing")}
    lengths = {name: getattr(each["type"], "length", None) for name, each in types.items()}
    assert lengths == {"id": None, "full_name": 32, "name": 63, "long_name": 254}
    assert not types["name"]["nullable"]
    if schema.dialect == "postgresql":
        assert types["name"]["type"].collation == "C"
    if schema.dialect == "mariadb":
        assert "COLLATE" not in schema.rows("SHOW CREATE TABLE thing")[0][1].partition(")")[0]
        assert types["name"]["comment"] == "why"
        assert all("ALGORITHM=INSTANT, LOCK=NONE" in each for each in said if "MODIFY" in each)


def test_done_again_it_does_nothing_and_going_back_cuts_nothing(
    schema: Schema, filled: str
) -> None:
    schema.upgrade(directory=filled)
    schema.execute("INSERT INTO thing (name) VALUES (:name)", name="x" * 63)
    stood = shape(schema)

    schema.downgrade("0001", directory=filled)
    assert schema.scalar("SELECT MAX(name) FROM thing") == "x" * 63
    said = sent(schema, filled, "head")

    assert not [each for each in said if "thing" in each]
    assert shape(schema) == stood


def test_past_63_characters_mariadb_refuses_where_there_are_rows(
    mariadb: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = history(tmp_path, BASE, PAST)
    mariadb.upgrade("0001", directory=directory)
    mariadb.execute("INSERT INTO thing (name) VALUES ('a')")

    with pytest.raises(SystemExit):
        mariadb.upgrade(directory=directory)

    assert "MariaDB can do this only by copying thing, and whoever writes waits" in caplog.text
    assert "add an empty column instead, without a default or of the new type" in caplog.text
    assert mariadb.version == "0001"
    mariadb.execute("DELETE FROM thing")
    mariadb.upgrade(directory=directory)
    assert mariadb.version == "0002"


def test_from_less_than_32_characters_mariadb_needs_no_copy(
    mariadb: Schema, tmp_path: Path
) -> None:
    directory = history(tmp_path, BASE, FROM_LESS)
    mariadb.upgrade("0001", directory=directory)
    mariadb.execute("INSERT INTO thing (name) VALUES ('a')")

    assert "ALGORITHM=INSTANT" in sent(mariadb, directory, "head")[-1]


def test_a_script_says_it_too(schema: Schema, tmp_path: Path) -> None:
    directory = Path(history(tmp_path, BASE, WIDER))

    said = db(schema, directory, "upgrade", "0001:0002", "--sql").output

    assert {
        "sqlite": "-- SQLite has no words for this: `flask db upgrade` edits the text of thing.",
        "postgresql": 'ALTER TABLE thing ALTER COLUMN name TYPE VARCHAR(63) COLLATE "C"',
        "mariadb": "SET @change = CONCAT('ALTER TABLE thing MODIFY name ', (SELECT CONCAT("
        "'varchar(63)'",
    }[schema.dialect] in said


CALLED = """
ddl.create_table(
    "thing",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("char(3)", sa.String(32), nullable=True, comment="a varchar(3)"),
    sa.Column("varchar", sa.String(32), nullable=True, server_default="char(4)"),
    sa.PrimaryKeyConstraint("id", name="pk_thing"),
)
"""
GROWN = """
ddl.widen("thing", "char(3)", sa.String(63))
ddl.widen("thing", "varchar", sa.String(63))
"""


def test_a_name_or_a_default_that_looks_like_a_type_stays(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, ("expand", CALLED, DROP_THING), ("expand", GROWN, "pass"))
    schema.upgrade("0001", directory=directory)
    schema.execute("INSERT INTO thing (id) VALUES (1)")

    schema.upgrade(directory=directory)

    columns = sa.inspect(schema.engine).get_columns("thing")[1:]
    found = [(each["name"], each["type"].length, each.get("comment")) for each in columns]
    comment = None if schema.dialect == "sqlite" else "a varchar(3)"
    assert found == [("char(3)", 63, comment), ("varchar", 63, None)]
    assert schema.scalar('SELECT "varchar" FROM thing') == "char(4)"


WIDE = "User.__table__.c.display_name.type = sa.String(200)"
COLLATED = 'db.db.metadata.tables["throttle"].c.key.type = db.key(120)'


def test_migrate_writes_it_and_it_holds(at_head: Schema, project: Path) -> None:
    place = project / "app" / "__init__.py"
    imports = "import sqlalchemy as sa\nfrom app.accounts.models import User\n"
    place.write_text(f"{place.read_text()}\n\n{imports}{WIDE}\n{COLLATED}\n")

    made = migrate(at_head, project, "-m", "Growing")

    assert made.returncode == 0, made.stderr
    [file] = new_files(project)
    text = file.read_text()
    assert 'ddl.widen("user", "display_name", sa.String(200))' in text
    assert 'ddl.widen("throttle", "key", ddl.key(120))' in text
    assert db(at_head, project / "migrations", "lint").output == "Nothing dangerous was found.\n"
    assert db(at_head, project / "migrations", "upgrade").exit_code == 0
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout
