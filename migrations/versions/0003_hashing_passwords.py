"""Filling user.password_hash from user.password. [backfill]

Safe to stop and run again: batches commit, and only empty hashes are touched. A password that
somebody changes meanwhile is hashed as it is then. Whoever has no password, or an empty one,
gets a hash that nothing can match: nobody logs in with nothing.
"""

import unicodedata

import sqlalchemy as sa
from argon2 import PasswordHasher

from app.schema import backfill

revision = "0003"
down_revision = "0002"
stage = "backfill"

UNUSABLE = "!"

user = sa.table(
    "user",
    sa.column("id", sa.Integer),
    sa.column("password", sa.String),
    sa.column("password_hash", sa.String),
)
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def hashed(password: str | None) -> str:
    return hasher.hash(unicodedata.normalize("NFKC", password)) if password else UNUSABLE


def hashes(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    found = backfill.in_threads(hashed, [row.password for row in rows])
    return {row.id: {"password_hash": value} for row, value in zip(rows, found, strict=True)}


work = backfill.Backfill(
    table=user,
    due=user.c.password_hash.is_(None),
    reads=["password"],
    compute=hashes,
)


def upgrade() -> None:
    work.run()


def downgrade() -> None:
    """The hashes stay: they are as true as before, and 0002 takes them along."""
