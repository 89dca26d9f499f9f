"""Where a database stands: what `flask db status` says, and a page may show."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory

from app.schema import reading, stages, state, troubles

RUNS = 20  # of the latest are shown


def facts(connection: sa.Connection, script: ScriptDirectory) -> dict[str, Any]:
    """Return version, database, head, stage, open change, backfills and the latest runs."""
    version = stages.version(connection)
    trouble = troubles.of_the_story(script, (version,) if version else ())
    pending = [] if trouble else stages.pending(script, version)
    runs = state.history(connection)
    trouble = trouble or edited(script, runs)
    return {
        "version": version,
        "database": database(connection),
        "head": ", ".join(script.get_heads()),
        "trouble": trouble,
        "stage": pending[0].module.stage if pending else None,
        "pending": [each.revision for each in pending],
        "change": [
            {
                "revision": each.revision,
                "what": each.doc,
                "stage": each.module.stage,
                "done": each not in pending,
            }
            for each in open_change(script, pending)
        ],
        "backfills": [backfill(row) for row in state.progress(connection)],
        "runs": [run(row) for row in runs[:RUNS]],
    }


def database(connection: sa.Connection) -> str:
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    address = connection.engine.url.set(username=None, password=None, query={})
    return f"{connection.dialect.name} {version} at {address}"


def edited(script: ScriptDirectory, runs: Sequence[Any]) -> str | None:
    """Return which revision is not any more what ran here, or None."""
    last = {row.revision: row for row in reversed(runs) if row.outcome != "failed"}
    for revision in stages.history(script):
        ran = last.get(revision.revision)
        if ran is None or ran.outcome != "upgraded" or ran.digest is None:
            continue
        if ran.digest != reading.digest(revision):
            return (
                f"{revision.revision} was edited after it ran here: put it back as it was "
                "(`git log` has it), and write what is to change as a revision of its own."
            )
    return None


def open_change(script: ScriptDirectory, pending: list[Script]) -> list[Script]:
    """Return the change that is under way: from its first expand to its last contract."""
    if not pending:
        return []
    return next(change for change in stages.changes(script) if pending[0] in change)


def backfill(row: Any) -> dict[str, Any]:
    whole = max(row.total or 0, row.done)
    return dict(row._mapping) | {"percent": 100 * row.done // whole if whole else 100}


def run(row: Any) -> dict[str, Any]:
    seconds = (row.ended_at - row.started_at).total_seconds() if row.ended_at else None
    return dict(row._mapping) | {"seconds": seconds}


def lines(facts: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    version, head = facts["version"] or "nothing yet", facts["head"]
    stands = "at head" if version == head else f"{len(facts['pending'])} pending, head is {head}"
    said = [f"Database  {facts['database']}", f"Version   {version} ({stands})"]
    if facts["trouble"]:
        said.append(f"Trouble   {facts['trouble']}")
    if facts["stage"]:
        said.append(f"Next      `flask db {facts['stage']}`")
    for step in facts["change"]:
        said.append(f"  {'done' if step['done'] else 'open':<7} {step['revision']} {step['what']}")
    for row in facts["backfills"]:
        said.append(
            f"Backfill  {row['revision']} {row['table']}: {row['percent']} % "
            f"({row['done']} of {row['total']} rows), {row['state']}"
        )
    for row in facts["runs"]:
        took = "" if row["seconds"] is None else f", {row['seconds']:.1f} s"
        release = f" by release {row['release']}" if row["release"] else ""
        said.append(
            f"Ran       {row['revision']} {row['stage']} at {row['started_at']:%Y-%m-%d %H:%M:%S}"
            f"{took}, {row['outcome']}{release}"
        )
    return said
