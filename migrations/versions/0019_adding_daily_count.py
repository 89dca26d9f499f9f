"""Adding daily_count, and what finds audit lines by event, time and address. [expand]

The figures of the staff's first page: counted by the worker, so that no page has to.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0019"
down_revision = "0018"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "daily_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", ddl.key(32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("day", "name", name="pk_daily_count"),
    )
    ddl.create_index("ix_audit_event_event_id", "audit_event", ["event", "id"])
    ddl.create_index("ix_audit_event_at", "audit_event", ["at"])
    ddl.create_index("ix_audit_event_ip_id", "audit_event", ["ip", "id"])


def downgrade() -> None:
    ddl.drop_index("ix_audit_event_ip_id", "audit_event")
    ddl.drop_index("ix_audit_event_at", "audit_event")
    ddl.drop_index("ix_audit_event_event_id", "audit_event")
    ddl.drop_table("daily_count")
