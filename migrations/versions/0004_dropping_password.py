"""Dropping user.password. [contract]

The plain text is also written over in the database's files, as far as each engine allows.
Backups and logs from before still hold it: let them run out, or ask people for new passwords.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0004"
down_revision = "0003"
stage = "contract"

user = sa.table("user", sa.column("password", sa.String), sa.column("password_hash", sa.String))
requires_done = ["0003"]
irreversible = "plain-text passwords"
would_lose = (
    sa.select(sa.func.count())
    .select_from(user)
    .where(user.c.password_hash.is_(None), user.c.password != "")
)


def upgrade() -> None:
    ddl.drop_staleness_trigger("user", derived="password_hash")
    ddl.drop_column("user", "password", erase=True)


def downgrade() -> None:
    """Bring the column back, empty: what was erased is gone. Everybody's hash stays."""
    ddl.note("The plain-text passwords were erased and do not come back: user.password is empty.")
    ddl.add_column("user", sa.Column("password", sa.String(32), nullable=True))
    ddl.create_staleness_trigger("user", source="password", derived="password_hash")
