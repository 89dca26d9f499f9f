"""Adding user.handle. [expand]"""

import sqlalchemy as sa

from app.schema import ddl

revision = "{number}"
down_revision = "{before}"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user", sa.Column("handle", sa.String(64), nullable=True))


def downgrade() -> None:
    ddl.drop_column("user", "handle")
