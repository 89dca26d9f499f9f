<%!
from app.revisions.authoring import body, imports, page_of
%><%
page = page_of(context.get("pages", {}), up_revision, message)
up, down = page.up or body(upgrades), page.down or body(downgrades)
needed = imports(page.head, up, down)
%>"""${page.docstring}
"""
% if needed:

${needed}
% endif

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
% if branch_labels:
branch_labels = ${repr(branch_labels)}
% endif
% if depends_on:
depends_on = ${repr(depends_on)}
% endif
stage = "${page.stage}"
% if page.head:

${page.head.strip()}
% endif


def upgrade() -> None:
    ${up}


def downgrade() -> None:
    ${down}
