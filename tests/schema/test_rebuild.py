"""On SQLite, a table that gets NOT NULL in its text, or is written anew, loses nothing."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import rebuild
from tests.schema.conftest import Schema
from tests.schema.revisions import DROP_THING, history

MADE = """
op.execute('''CREATE TABLE "thing" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, (really)
    name VARCHAR(64) COLLATE NOCASE DEFAULT 'it''s, (so)' CHECK (name IS NOT NULL OR note <> ','),
    "note" TEXT /* the one, that */ DEFAULT (1 + (2)),
    size INTEGER GENERATED ALWAYS AS (length(note)) VIRTUAL,
    parent_id INTEGER CONSTRAINT fk_parent REFERENCES thing (id) ON DELETE SET NULL,
    CONSTRAINT ck_note CHECK (note IS NOT NULL OR name <> ')')
)''')
op.execute("CREATE TABLE child (thing_id INTEGER REFERENCES thing (id) ON DELETE CASCADE)")
op.execute("CREATE TABLE other (thing_id INTEGER REFERENCES thing (id) ON DELETE SET NULL)")
op.execute("CREATE TABLE log (said TEXT)")
op.execute("CREATE UNIQUE INDEX ix_part ON thing (note DESC) WHERE name IS NOT NULL")
op.execute("CREATE INDEX ix_words ON thing (lower(name), note COLLATE NOCASE)")
op.execute("CREATE VIEW seen AS SELECT name, size FROM thing")
op.execute('''CREATE TRIGGER tr_own AFTER INSERT ON thing
BEGIN INSERT INTO log VALUES (NEW.note); END''')
op.execute('''CREATE TRIGGER tr_other AFTER DELETE ON log
BEGIN UPDATE thing SET name = 'gone'; END''')
"""
BASE = ("expand", MADE, "pass", "from alembic import op")
REQUIRED = ("contract", 'ddl.set_not_null("thing", "note")', 'ddl.drop_not_null("thing", "note")')


def filled(schema: Schema, folder: Path) -> Schema:
    """Make its table, with rows: it is one step before what is tested."""
    schema.directory = history(folder, BASE, REQUIRED)  # type: ignore[attr-defined]
    schema.upgrade("0001", directory=schema.directory)  # type: ignore[attr-defined]
    schema.execute("INSERT INTO thing (id, name, note) VALUES (1, 'A', 'x'), (7, NULL, 'y')")
    schema.execute("INSERT INTO thing (id, note, parent_id) VALUES (3, 'z', 1)")
    schema.execute("DELETE FROM thing WHERE id = 7")
    schema.execute("INSERT INTO child VALUES (1), (3)")
    schema.execute("INSERT INTO other VALUES (1), (3), (NULL)")
    return schema


@pytest.fixture
def in_place(sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """That database, where no table may be written anew."""

    def refuse(table: str, change: rebuild.Change) -> None:
        raise AssertionError(f"{table} was written anew")

    monkeypatch.setattr(rebuild, "rebuild", refuse)
    return filled(sqlite, tmp_path)


@pytest.fixture
def rebuilt(sqlite: Schema, tmp_path: Path, defended: None) -> Schema:
    """That database, where tables must be written anew."""
    return filled(sqlite, tmp_path)


@pytest.fixture(params=["in_place", "rebuilt"])
def changed(request: pytest.FixtureRequest) -> Schema:
    return request.getfixturevalue(request.param)


def catalogue(schema: Schema) -> dict[str, str]:
    rows = schema.rows("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'schema_%'")
    return {row.name: " ".join((row.sql or "").split()) for row in rows if row.name != "thing"}


def test_nothing_that_hangs_on_the_table_is_lost(changed: Schema) -> None:
    query = "SELECT id, name, note, size, parent_id FROM thing ORDER BY id"
    before, hung = changed.rows(query), catalogue(changed)

    changed.upgrade(directory=changed.directory)  # type: ignore[attr-defined]

    assert changed.rows(query) == before
    assert catalogue(changed) == hung
    assert changed.scalar("PRAGMA integrity_check") == "ok"
    with pytest.raises(sa.exc.IntegrityError, match=r"thing\.note"):
        changed.execute("UPDATE thing SET note = NULL WHERE id = 1")
    assert changed.scalar("SELECT COUNT(*) FROM child") == 2
    assert changed.rows("SELECT thing_id FROM other") == [(1,), (3,), (None,)]
    made = changed.scalar("SELECT sql FROM sqlite_master WHERE name = 'thing'")
    assert "(1 + (2)) NOT NULL, size INTEGER GENERATED" in " ".join(made.split())
    changed.execute("INSERT INTO thing (note) VALUES ('after')")
    assert changed.scalar("SELECT MAX(id) FROM thing") == 8  # 7 was somebody else's
    assert changed.scalar("SELECT said FROM log ORDER BY rowid DESC LIMIT 1") == "after"


def test_and_back_it_is_what_it_was(changed: Schema) -> None:
    made = "SELECT sql FROM sqlite_master WHERE name = 'thing'"
    before = changed.scalar(made)

    changed.upgrade(directory=changed.directory)  # type: ignore[attr-defined]
    assert changed.scalar(made) != before
    changed.downgrade("0001", directory=changed.directory)  # type: ignore[attr-defined]

    assert changed.scalar(made) == before


def test_a_difference_that_nobody_meant_undoes_all_of_it(
    rebuilt: Schema, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = rebuilt.rows("SELECT type, name, sql FROM sqlite_master WHERE name <> 'schema_run'")
    move = rebuild.move

    def careless(table: str, text: str) -> None:
        move(table, text)
        rebuild.execute("DROP VIEW seen")

    monkeypatch.setattr(rebuild, "move", careless)
    with pytest.raises(SystemExit):
        rebuilt.upgrade(directory=rebuilt.directory)  # type: ignore[attr-defined]

    assert "thing was not the same after it was written anew" in caplog.text
    query = "SELECT type, name, sql FROM sqlite_master WHERE name <> 'schema_run'"
    assert rebuilt.rows(query) == before


def test_the_defended_table_is_written_anew(
    rebuilt: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    monkeypatch.setattr(rebuild, "move", lambda table, text: moved.append(table))

    with pytest.raises(SystemExit):
        rebuilt.upgrade(directory=rebuilt.directory)  # type: ignore[attr-defined]

    assert moved == ["thing"]


def test_who_is_connected_sees_it_at_once(in_place: Schema) -> None:
    with in_place.engine.connect() as connection:
        insert = "INSERT INTO thing (note) VALUES (NULL)"
        connection.exec_driver_sql(insert)  # it is prepared, and has seen the table
        connection.rollback()

        in_place.upgrade(directory=in_place.directory)  # type: ignore[attr-defined]

        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql(insert)
        connection.rollback()
        in_place.downgrade("0001", directory=in_place.directory)  # type: ignore[attr-defined]
        connection.exec_driver_sql(insert)
        connection.rollback()


@pytest.mark.parametrize(
    "ending", ["raise RuntimeError('no')", "__import__('os').kill(__import__('os').getpid(), 9)"]
)
def test_what_ends_in_the_middle_leaves_it_as_it_was(
    sqlite: Schema, tmp_path: Path, ending: str
) -> None:
    filled(sqlite, tmp_path)
    broken = "contract", f"{REQUIRED[1]}\n{ending}", "pass"
    before = sqlite.rows("SELECT type, name, sql FROM sqlite_master WHERE name <> 'schema_run'")

    command = sqlite.flask("db", "upgrade", "-d", history(tmp_path, BASE, broken))

    assert command.returncode
    query = "SELECT type, name, sql FROM sqlite_master WHERE name <> 'schema_run'"
    assert sqlite.rows(query) == before
    assert sqlite.scalar("PRAGMA integrity_check") == "ok"
    sqlite.execute("INSERT INTO thing (note) VALUES (NULL)")


# The column `c` in its table, and what else of the table must stay.
TEXTS = [
    "c TEXT",
    "c",
    "c TEXT -- the one, NOT NULL (one day",
    "c TEXT /* NOT NULL */ DEFAULT 'is NOT NULL, or (so'",
    "c TEXT CHECK (c NOT NULL OR 1), d TEXT CHECK (d IS NOT NULL)",
    '"a NOT NULL, (" TEXT, "c" TEXT COLLATE NOCASE UNIQUE, [e, )] TEXT NOT NULL',
    "/* c, */ b TEXT, -- c TEXT\n `c` NUMERIC(10, 2) DEFAULT (1 + (2)), UNIQUE (b, c)",
    "b TEXT UNIQUE, c TEXT REFERENCES thing (b) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
    "b TEXT, c TEXT AS (b || 'x') STORED, CHECK (c NOT NULL)",
    "b TEXT, c TEXT) WITHOUT ROWID -- (",
]


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_the_text_is_it_is_edited_there_and_back(
    sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delattr(rebuild, "rebuild")
    end = "" if "ROWID" in text else "\n)"
    create = f"CREATE TABLE thing (id INTEGER PRIMARY KEY, {text}{end}"
    made = f"op.get_bind().exec_driver_sql({create!r})"
    add, free = 'ddl.set_not_null("thing", "c")', 'ddl.drop_not_null("thing", "c")'
    directory = history(
        tmp_path, ("expand", made, DROP_THING, "from alembic import op"), ("contract", add, free)
    )
    query = "SELECT sql FROM sqlite_master WHERE name = 'thing'"
    sqlite.upgrade("0001", directory=directory)
    before = sqlite.scalar(query)

    sqlite.upgrade(directory=directory)
    flags = sqlite.rows("SELECT name, \"notnull\" FROM pragma_table_xinfo('thing')")
    assert ("c", 1) in [tuple(row) for row in flags]
    assert sqlite.scalar(query).split() != before.split()
    sqlite.downgrade("0001", directory=directory)

    assert sqlite.scalar(query).split() == before.split()


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("c TEXT NOT /* why */ NULL", "c TEXT"),
        ("c TEXT NOT NULL UNIQUE NOT/**/NULL", "c TEXT UNIQUE"),
        ("c TEXT CONSTRAINT there NOT NULL ON CONFLICT ABORT UNIQUE", "CONSTRAINT there UNIQUE"),
        ("c TEXT -- so\nNOT NULL\nDEFAULT ''", "c TEXT -- so\n\nDEFAULT ''"),
        ("c TEXT CHECK (c IS  NOT NULL) NOT  NULL", "c TEXT CHECK (c IS  NOT NULL)"),
        ("c TEXT DEFAULT 'x NOT NULL'NOT NULL", "c TEXT DEFAULT 'x NOT NULL'"),
    ],
)
def test_only_the_word_of_the_column_itself_is_taken(text: str, rest: str) -> None:
    assert rebuild.free(text).endswith(rest)
