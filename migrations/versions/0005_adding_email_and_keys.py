"""Adding email, name_key, display_name and created_at to user. [expand]

`email_key` is of confirmed addresses only and unique from the start: the column is new and
empty. `name_key` becomes unique with 0007, when the names of the tutorial have theirs.

Going back loses what was written into these columns.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0005"
down_revision = "0004"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user", sa.Column("email", sa.String(254), nullable=True))
    ddl.add_column("user", sa.Column("email_key", ddl.key(254), nullable=True))
    ddl.add_column("user", sa.Column("pending_email", sa.String(254), nullable=True))
    ddl.add_column("user", sa.Column("name_key", ddl.key(576), nullable=True))
    ddl.add_column("user", sa.Column("display_name", sa.String(128), nullable=True))
    ddl.add_column("user", sa.Column("created_at", ddl.timestamp(), nullable=True))
    ddl.create_index("ix_user_email_key", "user", ["email_key"], unique=True)
    ddl.create_index("ix_user_name_key_lookup", "user", ["name_key"])


def downgrade() -> None:
    ddl.drop_index("ix_user_name_key_lookup", "user")
    ddl.drop_index("ix_user_email_key", "user")
    for column in (
        "created_at",
        "display_name",
        "name_key",
        "pending_email",
        "email_key",
        "email",
    ):
        ddl.drop_column("user", column)
