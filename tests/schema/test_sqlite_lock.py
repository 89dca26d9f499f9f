"""Whoever keeps SQLite's one lock is named, and waited for; readers never wait."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.db import blockers
from app.schema import locks, run
from tests.post_office import until
from tests.schema.conftest import Schema
from tests.schema.revisions import ADD_NOTE, DROP_NOTE, DROP_THING, THING, history

STORY = ("expand", THING, DROP_THING), ("expand", ADD_NOTE, DROP_NOTE)
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holding", flush=True)
sys.stdin.read()
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux tells who it is")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try is short, and there are two."""
    monkeypatch.setattr(locks, "TRIES", 2)
    monkeypatch.setattr(run, "PRAGMAS", ["busy_timeout = 50", *run.PRAGMAS[1:]])
    monkeypatch.setattr(run, "EMPTYING", 1)


@pytest.fixture
def directory(sqlite: Schema, tmp_path: Path) -> str:
    """The history whose next step alters a table that is there."""
    directory = history(tmp_path, *STORY)
    sqlite.upgrade("0001", directory=directory)
    sqlite.execute("INSERT INTO thing (name) VALUES ('a')")
    return directory


@contextmanager
def somebody(schema: Schema) -> Iterator[int]:
    """Another program is in the midst of a write; yield its process id."""
    path = str(schema.engine.url.database)
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        yield process.pid
        process.communicate()  # its input ends, and so does it


@linux
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_who_holds_it_is_named_and_nothing_is_changed(
    sqlite: Schema,
    directory: str,
    journal: str,
    impatient: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert sqlite.scalar(f"PRAGMA journal_mode = {journal}") == journal
    before = sqlite.rows("SELECT name, sql FROM sqlite_master")

    with somebody(sqlite) as pid, pytest.raises(SystemExit) as ended:
        sqlite.upgrade(directory=directory)

    assert ended.value.code == 1
    assert "A lock was not to be had in 2 tries." in caplog.text
    assert f"Process {pid} ({sys.executable} -c" in caplog.text
    assert f"is in the midst of a write to {sqlite.engine.url.database}" in caplog.text
    assert sqlite.rows("SELECT name, sql FROM sqlite_master") == before
    sqlite.upgrade(directory=directory)
    assert sqlite.version == "0002"


@linux
def test_it_goes_on_once_they_let_go_and_readers_read_meanwhile(
    sqlite: Schema, directory: str
) -> None:
    with somebody(sqlite) as pid:
        run = sqlite.start("db", "upgrade", "-d", directory)
        until(lambda: f"Process {pid} (" in run.stderr, "it is named")
        assert sqlite.rows("SELECT name FROM thing") == [("a",)]
        assert run.returncode is None

    assert run.wait() == 0, run.stderr
    assert sqlite.version == "0002"


def test_where_nobody_can_be_named_it_says_what_to_look_for(
    sqlite: Schema,
    directory: str,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(blockers, "writers", lambda path: [])

    with somebody(sqlite), pytest.raises(SystemExit):
        sqlite.upgrade(directory=directory)

    assert "look for a `flask shell`, a `sqlite3` or a backup" in caplog.text


FILL = """
import time

thing = sa.table("thing", sa.column("id"), sa.column("name"), sa.column("note"))

def notes(connection, rows):
    time.sleep(0.3)
    return {row.id: {"note": row.name} for row in rows}


work = backfill.Backfill(table=thing, due=thing.c.note.is_(None), reads=["name"], compute=notes)
"""


@linux
def test_a_backfill_that_meets_them_goes_on_too(
    sqlite: Schema, directory: str, tmp_path: Path
) -> None:
    directory = history(tmp_path, *STORY, ("backfill", "work.run()", "pass", FILL))
    sqlite.upgrade("0002", directory=directory)
    many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
    sqlite.execute(f"INSERT INTO thing (name) {many} SELECT 'n' || i FROM n")
    done = "SELECT COUNT(*) FROM thing WHERE note IS NOT NULL"

    run = sqlite.start("db", "upgrade", "-d", directory)
    until(lambda: sqlite.scalar(done) > 0, "it is under way")
    with somebody(sqlite) as pid:
        assert sqlite.scalar(done) < 401
        until(lambda: f"Process {pid} (" in run.stderr, "it is named", seconds=30)

    assert run.wait() == 0, run.stderr
    assert sqlite.scalar(done) == 401
