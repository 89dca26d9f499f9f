"""The stages, as the revisions tell them, and where a database stands in their story."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory

STAGES = ("expand", "backfill", "contract")
MIGRATIONS = Path(__file__).parents[2] / "migrations"


@dataclass(frozen=True)
class Check:
    """A query on live data that must give `expected` before a contract; else `refusal` is said."""

    query: sa.Select[Any]
    expected: Any
    refusal: str
    examples: sa.Select[Any] | None = None  # of one column: the first ten are named


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
    """Return the stage of each revision, by number, oldest first."""
    newest_first = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
    return {revision.revision: revision.module.stage for revision in reversed(newest_first)}
