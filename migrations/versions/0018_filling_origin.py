"""Filling user.origin, and last_seen_at beside it. [backfill]

From what is known: people of the tutorial have no created_at, and the audit trail says whom the
operator created and who registered. Whoever it says nothing of stays of unknown origin, and an
account that the release before writes meanwhile has none: neither is ever removed unasked, so no
contract has to follow. Since when a claim waits is not known, and stays so here: the site notes the
day on which it first finds such a claim, and gives it the time of a new one from then.

Safe to stop and run again: batches commit, and only empty rows are touched.
"""

import sqlalchemy as sa

from app.schema import backfill

revision = "0018"
down_revision = "0017"
stage = "backfill"

# Moments have no type here: what was read is compared and written as it lay there.
user = sa.table(
    "user",
    sa.column("id", sa.Integer),
    sa.column("created_at"),
    sa.column("origin", sa.String),
    sa.column("last_seen_at"),
)
audit_event = sa.table(
    "audit_event", sa.column("subject_id", sa.Integer), sa.column("event", sa.String)
)
user_session = sa.table("user_session", sa.column("user_id", sa.Integer), sa.column("last_seen_at"))

ORIGINS = {"user.registered": "registration", "user.created": "operator"}


def origins(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    ids = [row.id for row in rows]
    came = dict(
        connection.execute(
            sa.select(audit_event.c.subject_id, audit_event.c.event)
            .where(audit_event.c.subject_id.in_(ids), audit_event.c.event.in_(ORIGINS))
            .order_by(audit_event.c.event.desc())  # whoever both speak of was created
        ).all()
    )
    seen = dict(
        connection.execute(
            sa.select(user_session.c.user_id, sa.func.max(user_session.c.last_seen_at))
            .where(user_session.c.user_id.in_(ids))
            .group_by(user_session.c.user_id)
        ).all()
    )
    return {row.id: values_of(row, came.get(row.id), seen.get(row.id)) for row in rows}


def values_of(row: sa.Row, event: str | None, seen: object) -> dict[str, object]:
    known = ORIGINS.get(event or "", "unknown")
    return {
        "origin": "tutorial" if row.created_at is None else known,
        "last_seen_at": seen or row.created_at,
    }


work = backfill.Backfill(
    table=user,
    due=user.c.origin.is_(None),
    reads=["created_at"],
    compute=origins,
)


def upgrade() -> None:
    work.run()


def downgrade() -> None:
    """The values stay: they are as true as before, and 0017 takes them along."""
