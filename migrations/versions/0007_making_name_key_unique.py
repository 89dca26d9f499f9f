"""Making user.name_key unique. [contract]

From here on the database settles who gets a name, whatever its case.
"""

import sqlalchemy as sa

from app.schema import ddl, stages

revision = "0007"
down_revision = "0006"
stage = "contract"

user = sa.table("user", sa.column("name_key", sa.String))
shared = sa.select(user.c.name_key).group_by(user.c.name_key).having(sa.func.count() > 1)
shared = shared.where(user.c.name_key.is_not(None))
requires_done = ["0006"]
checks = [
    stages.Check(
        query=sa.select(sa.func.count()).select_from(shared.subquery()),
        expected=0,
        refusal="Several accounts share a name_key: empty it on all but the oldest of them.",
    )
]


def upgrade() -> None:
    ddl.create_index("ix_user_name_key", "user", ["name_key"], unique=True)
    ddl.drop_index("ix_user_name_key_lookup", "user")


def downgrade() -> None:
    ddl.create_index("ix_user_name_key_lookup", "user", ["name_key"])
    ddl.drop_index("ix_user_name_key", "user")
