"""Whether this release can serve on the database as it is: what `/up/ready` answers.

The site asks this and nothing else of its schema, so it is answered without Alembic.
"""

import functools
import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.db import db

MIGRATIONS = Path(__file__).parents[2] / "migrations"
STAGE = re.compile(r'^stage = "(\w+)"$', re.MULTILINE)


def not_ready() -> str | None:
    """Return why this release cannot serve yet, or None when it can.

    Pending backfills and contracts, and revisions newer than the code, are fine.
    """
    try:
        with db.engine.connect() as connection:
            connection.execute(sa.select(1))
            return lacking(connection)
    except SQLAlchemyError as error:
        return f"the database does not answer ({type(error).__name__})"


def lacking(connection: sa.Connection) -> str | None:
    """Return what of its schema this release would miss, in words, or None."""
    if missing := missing_expands(connection):
        return f"the database lacks {', '.join(missing)}: run flask db upgrade"
    return None


def missing_expands(connection: sa.Connection) -> list[str]:
    """Return the numbers of this release's expands that the database has not got.

    Backfills and contracts may be pending, and the database may be ahead of the code: both are
    what a roll-out looks like. A database that no revision of ours has touched lacks them all.
    """
    numbers = list(story())
    newest = numbers.index(applied) if (applied := version(connection)) in numbers else -1
    if applied and applied not in numbers and applied.isdigit() and applied > numbers[-1]:
        return []
    return [number for number in numbers[newest + 1 :] if story()[number] == "expand"]


def version(connection: sa.Connection) -> str | None:
    """Return the number that the database stands at, or None."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    column: sa.ColumnClause[str] = sa.column("version_num", sa.String)
    return connection.scalar(
        sa.select(sa.func.max(column)).select_from(sa.table("alembic_version"))
    )


@functools.cache
def story() -> dict[str, str]:
    """Return the stage of each revision, by number, oldest first, as the files say it."""
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return {file.name.partition("_")[0]: stage_in(file) for file in files}


def stage_in(file: Path) -> str:
    found = STAGE.search(file.read_text(encoding="utf-8"))
    assert found, file  # a house rule: each revision names its stage
    return found[1]
