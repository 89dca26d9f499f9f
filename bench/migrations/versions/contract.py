"""Making user.handle unique and required. [contract]"""

from app.schema import ddl

revision = "{number}"
down_revision = "{before}"
stage = "contract"
requires_done = ["{before}"]


def upgrade() -> None:
    ddl.set_not_null("user", "handle")
    ddl.create_unique_index("ix_user_handle", "user", ["handle"])


def downgrade() -> None:
    ddl.drop_index("ix_user_handle", "user")
    ddl.drop_not_null("user", "handle")
