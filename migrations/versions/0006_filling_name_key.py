"""Filling user.name_key from user.name. [backfill]

Safe to stop and run again: batches commit, and only empty keys are touched. Where two names
come to the same key, the older account keeps it; the other stays without one and logs in by
its exact name. `created_at` stays unknown for everybody who was here before it.
"""

import unicodedata

import sqlalchemy as sa

from app.schema import backfill

revision = "0006"
down_revision = "0005"
stage = "backfill"

user = sa.table(
    "user",
    sa.column("id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("name_key", sa.String),
)


def key_of(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def keys(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    wanted: dict[str, int] = {}
    for row in rows:  # in the order of their ids
        wanted.setdefault(key_of(row.name), row.id)
    held = sa.select(user.c.name_key).where(user.c.name_key.in_(list(wanted)))
    for key in connection.scalars(held):
        wanted.pop(key, None)
    return {id_: {"name_key": key} for key, id_ in wanted.items()}


work = backfill.Backfill(
    table=user,
    due=user.c.name_key.is_(None) & (user.c.name != ""),
    reads=["name"],
    compute=keys,
    still_due=keys,
)


def upgrade() -> None:
    work.run()


def downgrade() -> None:
    """The keys stay: they are as true as before, and 0005 takes them along."""
