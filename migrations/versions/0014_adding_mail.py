"""Adding mail. [expand]

The outbox: each mail is a row written with the change that caused it, and keeps its state for the
staff. What it says lies sealed until it is delivered, and no longer.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0014"
down_revision = "0013"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "mail",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("recipient_key", ddl.key(254), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(255), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", ddl.timestamp(), nullable=False),
        sa.Column("next_try_at", ddl.timestamp(), nullable=True),
        sa.Column("expires_at", ddl.timestamp(), nullable=False),
        sa.Column("ended_at", ddl.timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_mail_user_id_user", ondelete="SET NULL"
        ),
    )
    ddl.create_index("ix_mail_user_id_id", "mail", ["user_id", "id"])
    ddl.create_index("ix_mail_recipient_key_id", "mail", ["recipient_key", "id"])
    ddl.create_index("ix_mail_state_id", "mail", ["state", "id"])


def downgrade() -> None:
    ddl.drop_table("mail")
