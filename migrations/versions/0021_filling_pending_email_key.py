"""Filling user.pending_email_key from user.pending_email. [backfill]

Safe to stop and run again: batches commit, and only keys that are missing, or left over from a
claim that the release before has settled, are touched. `flask db backfill` finds what that release
wrote while this ran, but for a claim that it replaced by another: that one is found by its old
address until it is settled, changed again or let go, which takes a week at most. No contract
follows: an account without a claim has no key, and rightly so.
"""

import unicodedata

import sqlalchemy as sa

from app.schema import backfill

revision = "0021"
down_revision = "0020"
stage = "backfill"

user = sa.table(
    "user",
    sa.column("id", sa.Integer),
    sa.column("pending_email", sa.String),
    sa.column("pending_email_key", sa.String),
)


def key_of(address: str | None) -> str | None:
    if address is None:
        return None
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())


def keys(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {row.id: {"pending_email_key": key_of(row.pending_email)} for row in rows}


work = backfill.Backfill(
    table=user,
    due=sa.or_(
        user.c.pending_email.is_not(None) & user.c.pending_email_key.is_(None),
        user.c.pending_email.is_(None) & user.c.pending_email_key.is_not(None),
    ),
    reads=["pending_email"],
    compute=keys,
)


def upgrade() -> None:
    work.run()


def downgrade() -> None:
    """The keys stay: they are as true as before, and 0020 takes them along."""
