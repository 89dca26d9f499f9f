"""Adding audit_event. [expand]

No foreign keys: what was done outlives the people it names. Going back loses the trail.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0010"
down_revision = "0009"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "audit_event",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("at", ddl.timestamp(), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(32), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("subject_name", sa.String(32), nullable=True),
        sa.Column("ip", sa.String(45), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    ddl.create_index("ix_audit_event_subject_id_id", "audit_event", ["subject_id", "id"])
    ddl.create_index("ix_audit_event_actor_id_id", "audit_event", ["actor_id", "id"])


def downgrade() -> None:
    ddl.drop_table("audit_event")
