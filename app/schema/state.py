"""Our own notes in the database: which step ran when, how far each backfill is, what it is told.

Two small tables that app.schema makes when they are first needed; no revision knows them, and
neither drift nor autogenerate sees them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from app import clock
from app.db import TABLE_OPTIONS, UTCDateTime, big_id

KEPT = "_kept_"  # how tables begin that hold what a downgrade took away, see kept.py
MAKING = "SELECT pg_advisory_xact_lock(4284)"

Control = Literal["run", "pause", "cancel"]
Rows = Sequence[sa.Row[Any]]

metadata = sa.MetaData()
runs = sa.Table(
    "schema_run",
    metadata,
    sa.Column("id", big_id(), primary_key=True),
    sa.Column("revision", sa.String(32), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("ended_at", UTCDateTime, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),  # upgraded, downgraded, failed
    sa.Column("release", sa.String(64), nullable=True),
    sa.Column("digest", sa.String(64), nullable=True),  # of the revision's file as it was
    sa.Column("who", sa.String(128), nullable=True),  # user@host; not in tables made before
    **TABLE_OPTIONS,
)
backfills = sa.Table(
    "schema_backfill",
    metadata,
    sa.Column("revision", sa.String(32), primary_key=True),
    sa.Column("table", sa.String(64), nullable=False),
    sa.Column("done", sa.BigInteger(), nullable=False),
    sa.Column("total", sa.BigInteger(), nullable=False),
    sa.Column("rate", sa.Float(), nullable=False),  # rows a second
    # running, paused, cancelled, failed, done, leftovers (people wrote faster than it moved)
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("control", sa.String(16), nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    **TABLE_OPTIONS | {"sqlite_autoincrement": False},
)


def is_ours(table: str | None) -> bool:
    """Whether a table is a note of ours, or holds data that is kept aside."""
    return table in metadata.tables or (table or "").startswith(KEPT)


def include_name(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether Alembic is to look at this: our own tables are nobody's drift."""
    return kind != "table" or not is_ours(name)


def record(connection: sa.Connection, **values: Any) -> None:
    """Note that a step was run, column by column, in the transaction that is under way."""
    make(connection)
    connection.execute(sa.insert(runs).values(values))


def history(connection: sa.Connection) -> Rows:
    """Return the steps that were run, newest first."""
    if not stand(connection):
        return []
    there = columns_there(connection)
    columns = [c if c.name in there else sa.null().label(c.name) for c in runs.c]
    return connection.execute(sa.select(*columns).order_by(runs.c.id.desc())).all()


def progress(connection: sa.Connection) -> Rows:
    """Return how far each backfill is: revision, table, done, total, rate, state, updated_at."""
    query = sa.select(backfills).order_by(backfills.c.revision)
    return connection.execute(query).all() if stand(connection) else []


def told(connection: sa.Connection, revision: str) -> Control:
    """Return what the backfill that is under way has been told to do."""
    query = sa.select(backfills.c.control).where(backfills.c.revision == revision)
    return connection.scalar(query) or "run"


def set_control(connection: sa.Connection, revision: str, told: Control) -> bool:
    """Tell a backfill that is under way what to do; return whether there is one."""
    under_way = backfills.c.state.in_(["running", "paused"])
    tell = sa.update(backfills).where(backfills.c.revision == revision, under_way)
    return connection.execute(tell.values(control=told)).rowcount > 0


def begin(connection: sa.Connection, revision: str, table: str, due: int) -> int:
    """Take over the backfill's row, or make it; return how many rows were done before."""
    make(connection)
    mine = backfills.c.revision == revision
    before = connection.execute(sa.select(backfills).where(mine)).one_or_none()
    done = before.done if before and before.state != "done" else 0
    now = clock.now()
    values = {"revision": revision, "table": table, "done": done, "total": done + due, "rate": 0.0}
    values |= {"state": "running", "control": "run", "updated_at": now}
    values["started_at"] = before.started_at if before and done else now
    take_over = sa.update(backfills).where(mine) if before else sa.insert(backfills)
    connection.execute(take_over.values(values))
    return done


def note(connection: sa.Connection, revision: str, **values: Any) -> None:
    """Note how the backfill fares: done, rate, state."""
    mine = sa.update(backfills).where(backfills.c.revision == revision)
    connection.execute(mine.values(updated_at=clock.now(), **values))


def stand(connection: sa.Connection) -> bool:
    return sa.inspect(connection).has_table(backfills.name)


def columns_there(connection: sa.Connection) -> set[str]:
    # The cheapest way to ask: a revision holds its locks meanwhile.
    nothing = sa.select(sa.text("*")).select_from(runs).where(sa.false())
    return set(connection.execute(nothing).keys())


def make(connection: sa.Connection) -> None:
    if stand(connection):
        if "who" not in columns_there(connection):
            column = sa.schema.CreateColumn(runs.c.who).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {runs.name} ADD COLUMN {column}")
        return
    if connection.dialect.name == "postgresql":
        # There, two that make a table at once do not both succeed, IF NOT EXISTS or not.
        connection.exec_driver_sql(MAKING)
    for table in metadata.sorted_tables:
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
