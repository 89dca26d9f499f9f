"""A history of a few revisions that a test writes for itself, beside the project's own."""

import shutil
from pathlib import Path
from textwrap import indent

import sqlalchemy as sa

from tests.schema.conftest import ROOT, Schema

FRAME = '''"""Step {number}. [{stage}]"""

import sqlalchemy as sa

from app.schema import backfill, ddl, stages

revision = "{number}"
down_revision = {before!r}
stage = "{stage}"
requires_done: list[str] = []
{head}

def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''

THING = """
ddl.create_table(
    "thing",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(64), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_thing"),
)
"""
DROP_THING = 'ddl.drop_table("thing")'
ADD_NOTE = 'ddl.add_column("thing", sa.Column("note", sa.String(64), nullable=True))'
DROP_NOTE = 'ddl.drop_column("thing", "note")'


def history(folder: Path, *steps: tuple[str, ...]) -> str:
    """Write a step for each (stage, upgrade, downgrade, and what stands above them)."""
    directory = folder / "history"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name in ("env.py", "alembic.ini", "script.py.mako"):
        shutil.copy(ROOT / "migrations" / name, directory)
    (directory / "versions").mkdir()
    for place, (stage, up, down, *head) in enumerate(steps, start=1):
        number, before = f"{place:04}", f"{place - 1:04}" if place > 1 else None
        text = FRAME.format(
            number=number,
            before=before,
            stage=stage,
            up=indent(up.strip(), "    "),
            down=indent(down.strip(), "    "),
            head="".join(head),
        )
        (directory / "versions" / f"{number}_step.py").write_text(text)
    return str(directory)


def sent(schema: Schema, directory: str, revision: str) -> list[str]:
    """Upgrade, and return the changes of the schema that the engine was sent."""
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.lstrip().startswith(("ALTER", "CREATE", "DROP")):
            statements.append(" ".join(statement.split()))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        schema.upgrade(revision, directory=directory)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return statements
