"""Adding a handle that is unique and required, as it is written before one knows better."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("user", sa.Column("handle", sa.String(64), nullable=True))
    user = sa.table("user", sa.column("name", sa.String), sa.column("handle", sa.String))
    op.execute(sa.update(user).values(handle=sa.literal("@").concat(user.c.name)))
    with op.batch_alter_table("user") as batch:
        batch.alter_column("handle", existing_type=sa.String(64), nullable=False)
        batch.create_index("ix_user_handle", ["handle"], unique=True)


def downgrade() -> None:
    op.drop_column("user", "handle")
