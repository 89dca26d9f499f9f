"""Histories that the project does not have: small ones, and bad ones."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from app import create_app
from tests.schema.conftest import ROOT, Schema

REVISION = '''"""{what}. [{stage}]

Made by a test.
"""

import sqlalchemy as sa
from alembic import op

from app.schema import backfill, ddl, stages

revision = "{number}"
down_revision = {before!r}
stage = "{stage}"

person = sa.table(
    "person",
    sa.column("id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("slug", sa.String),
)
{head}


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
'''

PERSON = (
    "expand",
    """ddl.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
    )""",
    'ddl.drop_table("person")',
)
KEY = (
    "expand",
    'ddl.add_column("person", sa.Column("slug", sa.String(32), nullable=True))',
    'ddl.drop_column("person", "slug")',
)
FILL = (
    "backfill",
    "work.run()",
    "pass",
    """
def keys(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {row.id: {"slug": row.name.lower()} for row in rows}


work = backfill.Backfill(
    table=person,
    due=person.c.slug.is_(None) & person.c.name.is_not(None),
    reads=["name"],
    compute=keys,
)
""",
)
DROP = (
    "contract",
    'ddl.drop_column("person", "name")',
    'ddl.add_column("person", sa.Column("name", sa.String(32), nullable=True))',
    """
requires_done = ["0003"]
irreversible = "names"
would_lose = sa.select(sa.func.count()).where(person.c.name != person.c.slug)
""",
)
# A foreign key, and the index that it needs.
PAL = """ddl.create_index("ix_pal", "person", ["pal"])
    ddl.add_foreign_key("fk_pal", "person", ["pal"], "person", ["id"])"""

Told = tuple[str, ...]


def written(folder: Path, *revisions: Told) -> Path:
    """Return a folder of migrations that tells these revisions: stage, up, down, and the rest."""
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("0*.py", "__py*"))
    (folder / "versions").mkdir(exist_ok=True)
    for revision in revisions:
        add(folder, *revision)
    return folder


def add(folder: Path, stage: str, up: str, down: str = "pass", head: str = "") -> Path:
    """Add one revision to the end of the history."""
    last = len(list((folder / "versions").glob("0*.py")))
    number, before = f"{last + 1:04}", f"{last:04}" if last else None
    words = {"what": f"Step {number}", "stage": stage, "up": up, "down": down, "head": head}
    path = folder / "versions" / f"{number}_step.py"
    path.write_text(REVISION.format(number=number, before=before, **words))
    (folder / "HEAD").write_text(f"{number}\n")
    return path


def db(schema: Schema, folder: Path, *arguments: str) -> Result:
    """Run `flask db …` on this history."""
    with schema.app.app_context():
        return schema.app.test_cli_runner().invoke(args=["db", "-d", str(folder), *arguments])


def command(url: str, *arguments: str) -> Result:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        return app.test_cli_runner().invoke(args=["db", *arguments])


def one_sentence(result: Result, logged: pytest.LogCaptureFixture | None = None) -> str:
    """Return what a command said that failed; Flask-Migrate's own say it through their logger."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    said = result.output + (logged.messages[-1] if logged and logged.messages else "")
    return " ".join(said.split())


def change_models(
    project: Path, *added: str, fields: tuple[str, ...] = (), without: str | None = None
) -> None:
    """Add lines to a project's models, and fields to User; take out the line that begins so."""
    models = project / "app" / "accounts" / "models.py"
    lines = []
    for line in models.read_text().splitlines():
        if not (without and line.strip().startswith(without)):
            lines.append(line)
        if line.strip().startswith("pending_email: Mapped"):
            lines += fields
    models.write_text("\n".join([*lines, *added]) + "\n")


def ruff(*files: Path) -> str:
    """Return what ruff finds in these files by the rules of the project."""
    begin = [sys.executable, "-m", "ruff"]
    rules = ["--quiet", "--config", "pyproject.toml", *map(str, files)]
    checks = ["check"], ["format", "--check"]
    runs = [
        subprocess.run(
            [*begin, *check, *rules], check=False, cwd=ROOT, capture_output=True, text=True
        )
        for check in checks
    ]
    return "".join(run.stdout for run in runs)
