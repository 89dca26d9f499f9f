"""Filling user.handle from user.name. [backfill]"""

import sqlalchemy as sa

from app.schema import backfill

revision = "{number}"
down_revision = "{before}"
stage = "backfill"

user = sa.table(
    "user",
    sa.column("id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("handle", sa.String),
)


def handles(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {row.id: {"handle": f"@{row.name}"} for row in rows}


work = backfill.Backfill(table=user, due=user.c.handle.is_(None), reads=["name"], compute=handles)


def upgrade() -> None:
    work.run()


def downgrade() -> None:
    """The handles stay."""
