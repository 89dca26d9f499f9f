"""Kill -9 behind any statement of any stage: a rerun goes on from there, and nothing is lost."""

import multiprocessing
import os
import signal
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from tests.schema.conftest import Schema
from tests.schema.histories import FILL, KEY, PERSON, db, written

TIGHTEN = (
    "contract",
    """ddl.set_not_null("person", "slug")
    ddl.create_unique_index("ix_person_slug", "person", ["slug"])
    ddl.drop_column("person", "name")""",
    "pass",
    'requires_done = ["0003"]',
)
STAGES = "expand", "backfill", "contract"
LOOKS = "SELECT", "SHOW", "PRAGMA", "SET ", "EXPLAIN"
PEOPLE = 5


def run_and_kill(schema: Schema, folder: Path, stage: str, *, at: int) -> int | None:
    """Run a stage in a process that kill -9 ends once it has written so many statements."""

    def doomed() -> None:
        written = count(1)

        def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
            if not statement.lstrip().upper().startswith(LOOKS) and next(written) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        sa.event.listen(sa.Engine, "after_cursor_execute", note)
        os._exit(db(schema, folder, stage).exit_code)

    process = multiprocessing.get_context("fork").Process(target=doomed)
    process.start()
    process.join()
    return process.exitcode


def test_a_stage_that_is_killed_behind_any_statement_is_completed_by_a_rerun(
    schema: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, TIGHTEN)
    schema.upgrade("0001", directory=str(folder))
    for number in range(PEOPLE):
        schema.execute("INSERT INTO person (name) VALUES (:name)", name=f"P{number}")

    died: dict[str, int] = {}
    for stage in STAGES:
        before = schema.version
        for at in count(1):
            code = run_and_kill(schema, folder, stage, at=at)
            if code != -signal.SIGKILL:
                break
            died[stage] = at
        assert (code, schema.version) == (0, f"{int(before or 0) + 1:04}")

    assert min(died[stage] for stage in STAGES) >= 3, died
    slugs = sorted(row.slug for row in schema.rows("SELECT slug FROM person"))
    assert slugs == [f"p{number}" for number in range(PEOPLE)]
    inspector = sa.inspect(schema.engine)
    columns = [(each["name"], each["nullable"]) for each in inspector.get_columns("person")]
    assert columns == [("id", False), ("slug", False)]
    [index] = inspector.get_indexes("person")
    assert (index["name"], bool(index["unique"])) == ("ix_person_slug", True)
