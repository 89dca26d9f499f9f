"""Adding origin, claimed_at, last_seen_at and deactivated_at to user. [expand]

How an account came, since when its address is claimed and when somebody last saw it: by these,
claims and accounts that nobody wants are let go.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0017"
down_revision = "0016"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user", sa.Column("origin", sa.String(16), nullable=True))
    ddl.add_column("user", sa.Column("claimed_at", ddl.timestamp(), nullable=True))
    ddl.add_column("user", sa.Column("last_seen_at", ddl.timestamp(), nullable=True))
    ddl.add_column("user", sa.Column("deactivated_at", ddl.timestamp(), nullable=True))


def downgrade() -> None:
    for column in ("deactivated_at", "last_seen_at", "claimed_at", "origin"):
        ddl.drop_column("user", column)
