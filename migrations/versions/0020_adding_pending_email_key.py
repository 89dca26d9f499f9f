"""Adding pending_email_key to user. [expand]

The claimed address as it is compared, so that the staff find whoever writes that no mail came. Not
unique: a claim blocks nobody, and several people may make the same one.

The release before writes claims without it. That breaks nothing, so no trigger keeps it true: only
the staff's search reads it, and no claim outlives seven days unless it is asked for again.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0020"
down_revision = "0019"
stage = "expand"


def upgrade() -> None:
    ddl.add_column("user", sa.Column("pending_email_key", ddl.key(254), nullable=True))
    ddl.create_index("ix_user_pending_email_key", "user", ["pending_email_key"])


def downgrade() -> None:
    ddl.drop_index("ix_user_pending_email_key", "user")
    ddl.drop_column("user", "pending_email_key")
