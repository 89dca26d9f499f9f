"""Adding user.patron_id. [expand]"""

import sqlalchemy as sa

from app.schema import ddl

revision = "{number}"
down_revision = "{before}"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user", sa.Column("patron_id", sa.Integer(), nullable=True))
    ddl.create_index("ix_user_patron_id", "user", ["patron_id"])


def downgrade() -> None:
    ddl.drop_index("ix_user_patron_id", "user")
    ddl.drop_column("user", "patron_id")
