"""A backfill says how far it is, obeys from another process, and makes way for the site."""

import gc
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from app.db.probe import Probe
from app.revisions import dry_runs
from app.schema import progress, state
from tests.schema.conftest import Schema
from tests.schema.histories import db
from tests.schema.revisions import ADD_NOTE, DROP_THING, THING, history

ROWS = 400
WORK = """
import time

thing = sa.table("thing", sa.column("id"), sa.column("name"), sa.column("note"))


def notes(connection, rows):
    time.sleep(0.05)  # as dear as hashing
    return {row.id: {"note": row.name.upper()} for row in rows}


work = backfill.Backfill(table=thing, due=thing.c.note.is_(None), reads=["name"], compute=notes)
"""
STORY = ("expand", THING + ADD_NOTE, DROP_THING), ("backfill", "work.run()", "pass", WORK)
DONE = "SELECT COUNT(*) FROM thing WHERE note IS NOT NULL"


@pytest.fixture
def directory(schema: Schema, tmp_path: Path) -> str:
    return prepared(schema, tmp_path)


def prepared(schema: Schema, tmp_path: Path) -> str:
    """Make the table, with rows that are due, and return the history that fills them."""
    directory = history(tmp_path, *STORY)
    schema.upgrade("0001", directory=directory)
    with schema.engine.begin() as connection:
        thing = sa.table("thing", sa.column("name"))
        connection.execute(sa.insert(thing), [{"name": f"n{n}"} for n in range(ROWS)])
    return directory


def row(schema: Schema) -> Any:
    with schema.engine.connect() as connection:
        return next(iter(state.progress(connection)), None)


def tell(schema: Schema, told: state.Control) -> bool:
    with schema.engine.begin() as connection:
        return state.set_control(connection, "0002", told)


def until(schema: Schema, holds: Callable[[Any], bool]) -> Any:
    """Wait until our row of the backfill is so, and return it."""
    while not ((found := row(schema)) and holds(found)):
        time.sleep(0.01)
    return found


def test_it_pauses_goes_on_and_ends_when_told(schema: Schema, directory: str) -> None:
    process = schema.start("db", "upgrade", "-d", directory)
    until(schema, lambda row: row.done > 0)
    assert tell(schema, "pause")
    paused = until(schema, lambda row: row.state == "paused")
    assert 0 < paused.done == schema.scalar(DONE) < ROWS == paused.total
    assert tell(schema, "run")
    until(schema, lambda row: row.state == "running")
    assert tell(schema, "cancel")

    assert process.wait() == 1
    cancelled = row(schema)
    assert f"was cancelled after {cancelled.done} of {ROWS} rows" in process.stderr
    assert (cancelled.state, cancelled.done) == ("cancelled", schema.scalar(DONE))
    assert schema.version == "0001"
    assert not tell(schema, "pause")  # there is none to be told

    schema.upgrade(directory=directory)

    finished = row(schema)
    assert (finished.state, finished.done, finished.total) == ("done", ROWS, ROWS)
    assert finished.rate > 0
    assert schema.scalar("SELECT COUNT(*) FROM thing WHERE note = UPPER(name)") == ROWS


def test_kill_9_leaves_its_count_right_and_the_next_run_takes_over(
    schema: Schema, directory: str
) -> None:
    process = schema.start("db", "upgrade", "-d", directory)
    until(schema, lambda row: row.done > 0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = row(schema)
    assert (left.state, left.done) == ("running", schema.scalar(DONE))
    assert 0 < left.done < ROWS

    schema.upgrade(directory=directory)

    assert (row(schema).state, row(schema).done, row(schema).total) == ("done", ROWS, ROWS)
    assert row(schema).started_at == left.started_at
    assert schema.scalar("SELECT COUNT(*) FROM thing WHERE note = UPPER(name)") == ROWS


def test_a_dry_run_writes_nothing(schema: Schema, directory: str) -> None:
    work = ScriptDirectory(directory).get_revision("0002").module.work
    with schema.engine.connect() as connection:
        said = dry_runs.dry_run(work, connection, 7)

    assert said.startswith("7 of 7 rows were written in ")
    assert f"rolled back. {ROWS} rows of thing are due" in said
    assert schema.scalar(DONE) == 0
    assert row(schema) is None


def test_no_batch_has_more_rows_than_it_may(schema: Schema, directory: str) -> None:
    sizes: list[int] = []

    def note(connection: Any, cursor: Any, said: str, *rest: Any) -> None:
        if said.startswith("UPDATE thing"):
            sizes.append(cursor.rowcount)

    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        ended = db(schema, Path(directory), "backfill", "--batch", "30")
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", note)

    assert ended.exit_code == 0, ended.output
    assert sum(sizes) == ROWS
    assert max(sizes) == 30
    assert schema.scalar(DONE) == ROWS


def test_python_does_not_look_through_the_program_in_a_batch(
    schema: Schema, directory: str
) -> None:
    frozen: list[int] = []

    def note(connection: Any, cursor: Any, said: str, *rest: Any) -> None:
        if said.startswith("UPDATE thing"):
            frozen.append(gc.get_freeze_count())

    before = gc.get_freeze_count()
    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        schema.upgrade(directory=directory)
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", note)

    assert min(frozen) > before
    assert gc.get_freeze_count() == before


def test_a_terminal_shows_the_rate_and_the_time_left(sqlite: Schema, tmp_path: Path) -> None:
    directory = prepared(sqlite, tmp_path)

    code, said = sqlite.answered("", "db", "-d", directory, "backfill")

    assert code == 0, said
    assert re.search(r"thing: +\d+%\|.*\| \d+/400 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ rows/s\]", said)
    assert "thing: 100%|" in said


def test_elsewhere_lines_do(sqlite: Schema, tmp_path: Path) -> None:
    directory = prepared(sqlite, tmp_path)

    run = sqlite.flask("db", "-d", directory, "backfill")

    assert run.returncode == 0
    assert re.search(r"thing: 400 of 400 rows, [\d.]+ rows/s, 00:00 left\n", run.stderr)
    assert "\r" not in run.stderr
    assert run.stderr.count("thing: ") == 1  # and one now and then, where it takes long
    again = sqlite.flask("db", "-d", directory, "backfill")
    assert "thing: " not in again.stderr  # nothing was due


def test_writers_who_wait_are_seen(schema: Schema, directory: str) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite knows nothing of who waits: there each batch is followed by a pause")
    update = sa.text("UPDATE thing SET name = 'x' WHERE id = 1")
    probe = Probe(schema.engine, sa.table("thing", sa.column("id")))
    with schema.engine.connect() as holder:
        assert probe.is_calm(1)
        holder.execute(update)
        waiting = threading.Thread(
            target=schema.execute, args=("UPDATE thing SET name = 'y' WHERE id = 1",)
        )
        waiting.start()
        assert probe.connection is not None
        while not probe.waiting(probe.connection):
            time.sleep(0.01)
        assert not probe.is_calm(1)
        holder.rollback()
        waiting.join()
        probe.connection.close()


def test_a_read_that_takes_much_longer_than_usual_is_trouble() -> None:
    probe = Probe(None, sa.table("thing"))

    assert all(probe.is_usual(seconds) for seconds in (0.001, 0.002, 0.019, 0.001))
    assert not probe.is_usual(0.05)
    assert probe.usual is not None
    assert probe.usual < 0.004  # trouble does not become what is usual


def test_trouble_makes_batches_smaller_and_pauses_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.time, "sleep", lambda seconds: None)
    pace = progress.Pace("postgresql")
    pace.size = 1000

    pace.adapt(calm=False)
    assert (pace.size, pace.pause) == (500, progress.PAUSE_BUSY)
    pace.adapt(calm=False)
    assert (pace.size, pace.pause) == (250, 2 * progress.PAUSE_BUSY)
    pace.adapt(calm=True)
    assert 250 < pace.size < 500  # one quiet moment says little
    assert pace.pause == 0
