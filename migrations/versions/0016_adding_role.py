"""Adding role, role_permission and user_role. [expand]

Roles are rows; what a permission lets somebody do is named in the code. The administrator's role
stands from the start and has every permission there is, so it lists none.
"""

import sqlalchemy as sa

from app.schema import ddl

revision = "0016"
down_revision = "0015"
stage = "expand"


def upgrade() -> None:
    ddl.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", ddl.key(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
    )
    ddl.create_index("ix_role_name", "role", ["name"], unique=True)
    ddl.create_table(
        "role_permission",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("permission", ddl.key(64), nullable=False),
        sa.PrimaryKeyConstraint("role_id", "permission", name="pk_role_permission"),
        sa.ForeignKeyConstraint(
            ["role_id"], ["role.id"], name="fk_role_permission_role_id_role", ondelete="CASCADE"
        ),
    )
    ddl.create_table(
        "user_role",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("granted_at", ddl.timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_user_role"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_user_role_user_id_user", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["role.id"], name="fk_user_role_role_id_role", ondelete="RESTRICT"
        ),
    )
    ddl.create_index("ix_user_role_role_id", "user_role", ["role_id"])
    ddl.add_row("role", {"name": "administrator"})
    ddl.add_row("role", {"name": "support"})
    for permission in ("audit.view", "mail.view", "users.edit", "users.view"):
        ddl.add_row(
            "role_permission",
            {"permission": permission},
            role_id="SELECT id FROM role WHERE name = 'support'",
        )


def downgrade() -> None:
    for table in ("user_role", "role_permission", "role"):
        ddl.drop_table(table)
