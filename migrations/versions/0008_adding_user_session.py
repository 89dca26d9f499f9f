"""Adding user_session. [expand]

A log-in is a row, so that it can be listed and ended. Going back logs everybody out.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0008"
down_revision = "0007"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "user_session",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", ddl.key(64), nullable=False),
        sa.Column("remembered", sa.Boolean(), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(256), nullable=False),
        sa.Column("created_at", ddl.timestamp(), nullable=False),
        sa.Column("last_seen_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user_session"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_user_session_user_id_user", ondelete="CASCADE"
        ),
    )
    ddl.create_index("ix_user_session_user_id", "user_session", ["user_id"])
    ddl.create_index("ix_user_session_digest", "user_session", ["digest"], unique=True)


def downgrade() -> None:
    ddl.drop_table("user_session")
