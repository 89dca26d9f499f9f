"""Letting user.patron_id point at a user. [contract]

SQLite can do this only by writing the table anew, which is what this is here for.
"""

from app.schema import ddl

revision = "{number}"
down_revision = "{before}"
stage = "contract"
requires_done: list[str] = []
NAME = "fk_user_patron_id_user"


def upgrade() -> None:
    ddl.add_foreign_key(NAME, "user", ["patron_id"], "user", ["id"])


def downgrade() -> None:
    ddl.drop_foreign_key(NAME, "user")
