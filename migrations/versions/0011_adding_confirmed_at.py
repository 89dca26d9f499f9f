"""Adding confirmed_at to user_session. [expand]

When the person behind a session last proved who they are. Sessions from before have not: they
are asked once, which is all that a missing value costs.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0011"
down_revision = "0010"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user_session", sa.Column("confirmed_at", ddl.timestamp(), nullable=True))


def downgrade() -> None:
    ddl.drop_column("user_session", "confirmed_at")
