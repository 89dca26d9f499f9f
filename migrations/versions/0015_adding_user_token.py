"""Adding user_token. [expand]

Mailed links and codes: only digests, bound to an address, used up by one statement. The link to
become the first administrator has nobody yet.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0015"
down_revision = "0014"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "user_token",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("digest", ddl.key(64), nullable=False),
        sa.Column("code_digest", ddl.key(64), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(254), nullable=True),
        sa.Column("created_at", ddl.timestamp(), nullable=False),
        sa.Column("expires_at", ddl.timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user_token"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_user_token_user_id_user", ondelete="CASCADE"
        ),
    )
    ddl.create_index("ix_user_token_digest", "user_token", ["digest"], unique=True)
    ddl.create_index("ix_user_token_user_id_purpose", "user_token", ["user_id", "purpose"])


def downgrade() -> None:
    ddl.drop_table("user_token")
