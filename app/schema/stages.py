"""The stages, as the revisions tell them: what a release needs, and when a contract may run."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.sql import visitors

from app.schema.backfill import Backfill

MIGRATIONS = Path(__file__).parents[2] / "migrations"
NAMED = 5  # rows that a refusal names; the rest are counted


@dataclass(frozen=True)
class Check:
    """A query on live data that must give `expected` before a contract; else `refusal` is said."""

    query: sa.Select[Any]
    expected: Any
    refusal: str


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
    revisions = reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))
    return {revision.revision: revision.module.stage for revision in revisions}


def gated(steps_of: Callable[..., Any], say: Callable[[str], None]) -> Callable[..., Iterator[Any]]:
    """Wrap what a command wants done, so that it ends, quietly, before a contract that is shut."""

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        for step in steps_of(heads, context):
            revision = getattr(step, "revision", None)
            if revision and step.is_upgrade and not context.as_sql:
                refusals = list(refusals_of(revision, context))
                if refusals:
                    stopped = f"Stopped before {revision.revision}: {revision.doc}"
                    say("\n  ".join([stopped, *refusals]))
                    return
            yield step

    return steps


def refusals_of(contract: Script, context: MigrationContext) -> Iterator[str]:
    """Yield a sentence for each reason why this contract may not run yet."""
    connection, module = context.connection, contract.module
    if getattr(module, "stage", None) != "contract" or connection is None or context.script is None:
        return
    for number in getattr(module, "requires_done", []):
        yield from undone(context.script.get_revision(number), connection)
    lost = ask(connection, getattr(module, "would_lose", None), otherwise=0)
    if lost:
        yield (
            f"{lost} rows would lose what is carried nowhere else ({module.irreversible}). "
            "Carry it over or empty it, then run `flask db upgrade` again."
        )
    for check in getattr(module, "checks", []):
        if ask(connection, check.query, otherwise=check.expected) != check.expected:
            yield f"{check.refusal} Then run `flask db upgrade` again."


def undone(revision: Script, connection: sa.Connection) -> Iterator[str]:
    work: Backfill = revision.module.work
    if gone(connection, work.query):
        return
    left = work.left(connection)
    first = list(islice(left, NAMED))
    if first:
        rest = sum(1 for _ in left)
        more = f" and {rest} more" if rest else ""
        yield (
            f"Backfill {revision.revision} has not done {len(first) + rest} rows of "
            f"{work.table.name}: id {', '.join(map(str, first))}{more}. Stop what still writes the "
            f"old shape, then run it again: `flask db downgrade {revision.down_revision}`, which "
            "undoes nothing of it, and `flask db upgrade`."
        )


def ask(connection: sa.Connection, query: sa.Select[Any] | None, *, otherwise: Any) -> Any:
    if query is None or gone(connection, query):
        return otherwise
    return connection.scalar(query)


def gone(connection: sa.Connection, clause: sa.ClauseElement) -> bool:
    """Whether a column that `clause` asks about is no more.

    A contract that broke off half-way on MariaDB has dropped it: it was let through then.
    """
    inspector = sa.inspect(connection)
    for column in visitors.iterate(clause):
        if isinstance(column, sa.ColumnClause) and isinstance(column.table, sa.TableClause):
            table = column.table.name
            stands = inspector.get_columns(table) if inspector.has_table(table) else []
            if column.name not in {each["name"] for each in stands}:
                return True
    return False
