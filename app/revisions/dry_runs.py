"""A backfill tried on a few rows, of which nothing stays."""

import sqlalchemy as sa

from app.schema.backfill import Backfill
from app.schema.progress import Stopwatch


def dry_run(work: Backfill, connection: sa.Connection, limit: int) -> str:
    """Do so many rows, roll them back, and return a sentence about how it went."""
    due = connection.scalar(sa.select(sa.func.count()).where(work.due)) or 0
    rows = connection.execute(work.query.limit(limit)).all()
    with Stopwatch() as stopwatch:
        values = work.compute(connection, rows)
        chosen = [row for row in rows if row.id in values]
        written = work.prepared(connection, chosen, values)(connection)
        connection.rollback()
    all_of_it = stopwatch.seconds / max(len(rows), 1) * due
    return (
        f"{written} of {len(rows)} rows were written in {stopwatch.seconds:.2f} s, and rolled "
        f"back. {due} rows of {work.table.name} are due: {all_of_it:.0f} s, without pauses."
    )
