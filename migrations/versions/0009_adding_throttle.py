"""Adding throttle. [expand]

The counters of every limit. Going back forgets what has been spent of them.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0009"
down_revision = "0008"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "throttle",
        sa.Column("key", ddl.key(96), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("resets_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_throttle"),
    )


def downgrade() -> None:
    ddl.drop_table("throttle")
