"""Where a database stands: what `flask db status` says, and a page may show."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory
from flask import current_app

from app import clock
from app.db import db
from app.revisions import readiness, reading, signature, troubles
from app.schema import state

RUNS = 20  # of the latest are shown
SILENT = timedelta(minutes=1)  # a backfill writes more often than that, also while paused
DIED = "stopped without a word: run `flask db backfill` again"


def read() -> dict[str, Any]:
    """Return the facts about the site's own database."""
    config = current_app.extensions["migrate"].migrate.get_config()
    with db.engine.connect() as connection:
        return facts(connection, ScriptDirectory.from_config(config))


def facts(connection: sa.Connection, script: ScriptDirectory) -> dict[str, Any]:
    """Return release, version, database, head, stage, open change, backfills and latest runs."""
    version = readiness.version(connection)
    trouble = troubles.of_the_story(script, (version,) if version else ())
    pending = [] if trouble else reading.pending(script, version)
    runs = state.history(connection)
    trouble = trouble or next(iter(signature.edited(script, runs).values()), None)
    trouble = trouble or "; ".join(troubles.of_the_catalogue(connection)) or None
    return {
        "release": signature.release(),
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
        "runs": [ran(row) for row in runs[:RUNS]],
    }


def database(connection: sa.Connection) -> str:
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return f"{connection.dialect.name} {version} at {address(connection.engine.url)}"


def address(url: sa.URL) -> str:
    """Return where it is; who comes in by which password is not for a page."""
    where = sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return str(where)


def open_change(script: ScriptDirectory, pending: list[Script]) -> list[Script]:
    """Return the change that is under way: from its first expand to its last contract."""
    if not pending:
        return []
    return next(change for change in reading.changes(script) if pending[0] in change)


def backfill(row: Any) -> dict[str, Any]:
    """Return its row and what follows from it; it `fares` as its state says, or is "silent"."""
    whole = max(row.total, row.done)
    is_under_way = row.state in ("running", "paused")
    is_silent = is_under_way and row.updated_at <= clock.now() - SILENT
    is_running = row.state == "running" and not is_silent
    left = (whole - row.done) / row.rate if is_running and row.rate else None
    return dict(row._mapping) | {
        "percent": 100 * row.done // whole if whole else 100,
        "fares": "silent" if is_silent else row.state,
        "is_running": is_running,
        "seconds_left": left,
    }


def ran(row: Any) -> dict[str, Any]:
    return dict(row._mapping) | {"seconds": (row.ended_at - row.started_at).total_seconds()}


def lines(facts: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    version, head = facts["version"] or "nothing yet", facts["head"]
    stands = "at head" if version == head else f"{len(facts['pending'])} pending, head is {head}"
    said = [f"Release   {facts['release'] or 'not known'}", f"Database  {facts['database']}"]
    said.append(f"Version   {version} ({stands})")
    if facts["trouble"]:
        said.append(f"Trouble   {facts['trouble']}")
    if facts["stage"]:
        said.append(f"Next      `flask db {facts['stage']}`")
    for step in facts["change"]:
        said.append(f"  {'done' if step['done'] else 'open':<7} {step['revision']} {step['what']}")
    for row in facts["backfills"]:
        fares = DIED if row["fares"] == "silent" else row["fares"]
        said.append(
            f"Backfill  {row['revision']} {row['table']}: {row['percent']} % "
            f"({row['done']} of {row['total']} rows), {fares}"
        )
    for row in facts["runs"]:
        release = f" by release {row['release']}" if row["release"] else ""
        release += f", run by {row['who']}" if row["who"] else ""
        said.append(
            f"Ran       {row['revision']} {row['stage']} at {row['started_at']:%Y-%m-%d %H:%M:%S}"
            f", {row['seconds']:.1f} s, {row['outcome']}{release}"
        )
    return said
