"""Adding user.password_hash. [expand]

The running release goes on with `password`. Where it changes one, the trigger empties the hash
of the old one, or the old password would go on opening the account.

A table that the tutorial made is first given what 0001 gives: ids that are never used again,
names that compare byte for byte, and their one unique index.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0002"
down_revision = "0001"
stage = "expand"


def upgrade() -> None:
    ddl.adopt_table("user", unique={"ix_user_name": ["name"]})
    ddl.add_column("user", sa.Column("password_hash", sa.String(255), nullable=True))
    ddl.create_staleness_trigger("user", source="password", derived="password_hash")


def downgrade() -> None:
    ddl.note("The hashes go: whoever has no plain-text password here cannot log in any more.")
    ddl.drop_staleness_trigger("user", derived="password_hash")
    ddl.drop_column("user", "password_hash")
