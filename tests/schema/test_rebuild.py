"""On SQLite, a table that is written anew loses nothing that hung on it."""

from pathlib import Path

import pytest

from app.schema import rebuild
from tests.schema.conftest import Schema
from tests.schema.revisions import history

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


@pytest.fixture
def rebuilt(sqlite: Schema, tmp_path: Path) -> Schema:
    """A database with rows, one step before its table is written anew."""
    sqlite.directory = history(tmp_path, BASE, REQUIRED)  # type: ignore[attr-defined]
    sqlite.upgrade("0001", directory=sqlite.directory)  # type: ignore[attr-defined]
    sqlite.execute("INSERT INTO thing (id, name, note) VALUES (1, 'A', 'x'), (7, NULL, 'y')")
    sqlite.execute("INSERT INTO thing (id, note, parent_id) VALUES (3, 'z', 1)")
    sqlite.execute("DELETE FROM thing WHERE id = 7")
    sqlite.execute("INSERT INTO child VALUES (1), (3)")
    sqlite.execute("INSERT INTO other VALUES (1), (3), (NULL)")
    return sqlite


def catalogue(schema: Schema) -> dict[str, str]:
    rows = schema.rows("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'schema_%'")
    return {row.name: " ".join((row.sql or "").split()) for row in rows if row.name != "thing"}


def test_nothing_that_hangs_on_the_table_is_lost(rebuilt: Schema) -> None:
    query = "SELECT id, name, note, size, parent_id FROM thing ORDER BY id"
    before, hung = rebuilt.rows(query), catalogue(rebuilt)

    rebuilt.upgrade(directory=rebuilt.directory)  # type: ignore[attr-defined]

    assert rebuilt.rows(query) == before
    assert catalogue(rebuilt) == hung
    assert rebuilt.scalar("SELECT COUNT(*) FROM child") == 2
    assert rebuilt.rows("SELECT thing_id FROM other") == [(1,), (3,), (None,)]
    made = rebuilt.scalar("SELECT sql FROM sqlite_master WHERE name = 'thing'")
    assert "(1 + (2)) NOT NULL, size INTEGER GENERATED" in " ".join(made.split())
    rebuilt.execute("INSERT INTO thing (note) VALUES ('after')")
    assert rebuilt.scalar("SELECT MAX(id) FROM thing") == 8  # 7 was somebody else's
    assert rebuilt.scalar("SELECT said FROM log ORDER BY rowid DESC LIMIT 1") == "after"


def test_and_back_it_is_what_it_was(rebuilt: Schema) -> None:
    made = "SELECT sql FROM sqlite_master WHERE name = 'thing'"
    before = rebuilt.scalar(made)

    rebuilt.upgrade(directory=rebuilt.directory)  # type: ignore[attr-defined]
    assert rebuilt.scalar(made) != before
    rebuilt.downgrade("0001", directory=rebuilt.directory)  # type: ignore[attr-defined]

    assert rebuilt.scalar(made) == before


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
