"""Adding held_form. [expand]

What somebody was about to do when asked to confirm who they are, sealed, to be gone on with for
a quarter of an hour: one for a session, and gone with it.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0012"
down_revision = "0011"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "held_form",
        sa.Column("id", ddl.big_id(), nullable=False),
        sa.Column("session_id", ddl.big_id(), nullable=False),
        sa.Column("digest", ddl.key(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("held_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_held_form"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["user_session.id"],
            name="fk_held_form_session_id_user_session",
            ondelete="CASCADE",
        ),
    )
    ddl.create_index("ix_held_form_session_id", "held_form", ["session_id"], unique=True)


def downgrade() -> None:
    ddl.drop_table("held_form")
