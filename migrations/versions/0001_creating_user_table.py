"""Creating user table. [expand]

As in the tutorial that this project began with: a name, and a password in plain text. Everything
that follows begins here.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0001"
down_revision = None
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=True),
        sa.Column("password", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
    )
    ddl.create_index("ix_user_name", "user", ["name"], unique=True)


def downgrade() -> None:
    ddl.drop_table("user")
