"""Adding job. [expand]

Work that is done after the answer: claimed by any worker, on any machine, one at a time.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0013"
down_revision = "0012"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "job",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", ddl.key(64), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("due_at", ddl.timestamp(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(64), nullable=True),
        sa.Column("last_error", sa.String(255), nullable=True),
        sa.Column("created_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    ddl.create_index("ix_job_due_at", "job", ["due_at"])
    ddl.create_index("ix_job_name", "job", ["name"], unique=True)


def downgrade() -> None:
    ddl.drop_table("job")
