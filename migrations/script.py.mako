<%!
from app.schema.authoring import body, imports
%><%
up, down = body(upgrades), body(downgrades)
needed = imports(up, down, extra=imports_ if (imports_ := context.get("imports", "")) else "")
%>"""${message}. [expand]

Why, and what it trusts.
"""
% if needed:

${needed}
% endif

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
# expand adds, backfill moves rows, contract removes or tightens: one of them, see ../README.md.
stage = "expand"


def upgrade() -> None:
    ${up}


def downgrade() -> None:
    ${down}
