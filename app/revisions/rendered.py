"""What a revision comes to in SQL, as a script for an engine has it; no database is asked."""

import functools
import io
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script

from app.schema import locks
from app.schema.engine import undoubled

# Where nobody tries again, MariaDB waits for its shortest wait, which is a second.
SETTINGS = {
    "sqlite": ["PRAGMA foreign_keys = OFF", "PRAGMA secure_delete = ON"],
    "postgresql": [f"SET lock_timeout = '{locks.LONGER['postgresql'][1]}'"],
    "mariadb": ["SET SESSION lock_wait_timeout = 1", "SET SESSION innodb_lock_wait_timeout = 1"],
}
VERSION = sa.table("alembic_version", sa.column("version_num"))


@dataclass(frozen=True)
class Statement:
    """One statement or remark, and the line of the revision's file that wrote it."""

    sql: str
    line: int


class Unwritable(RuntimeError):
    """A revision asks a database for something, and so has no script."""


class Listing(io.TextIOBase):
    """Where a script is written to, one statement at a time."""

    def __init__(self, revision: Script, dialect: sa.Dialect) -> None:
        self.path, self.dialect = revision.path, dialect
        self.statements: list[Statement] = []

    def write(self, text: str) -> int:
        in_file = (
            line
            for frame, line in traceback.walk_stack(None)
            if frame.f_code.co_filename == self.path
        )
        sql = undoubled(text.strip().removesuffix(";"), self.dialect)
        self.statements.append(Statement(sql, next(in_file, 1)))
        return len(text)


def statements(revision: Script, dialect: sa.Dialect, function: str = "upgrade") -> list[Statement]:
    """Return what upgrade() would run, or downgrade(), or raise Unwritable."""
    listing = Listing(revision, dialect)
    options = {"as_sql": True, "output_buffer": listing, "literal_binds": True}
    options["transactional_ddl"] = dialect.name != "mariadb"
    context = MigrationContext.configure(dialect=dialect, opts=options)
    with Operations.context(context):
        try:
            getattr(revision.module, function)()
        except Exception as error:
            what = f"{revision.revision} cannot be written as SQL for {dialect.name}"
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            instead = "what asks a database looks before acting through ddl"
            raise Unwritable(f"{what} ({cause}): {instead}") from error
    return listing.statements


def begin_script(context: MigrationContext) -> None:
    """Write at the head of a script what a run tells the database first."""
    context.impl.static_output(
        "-- Stop at the first error: psql -v ON_ERROR_STOP=1, sqlite3 -bail."
    )
    for setting in SETTINGS[context.dialect.name]:
        context.impl.static_output(f"{setting};")


def guarded(steps_of: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Wrap what a script is written of, so that it stops by itself where a gate would be shut."""

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        asked: set[str] = set()  # a contract may have dropped by then what was asked about before
        for step in steps_of(heads, context):
            if isinstance(step, RevisionStep) and step.is_upgrade:
                work, guard = step.migration_fn, (step.revision, context, asked)
                step.migration_fn = functools.wraps(work)(functools.partial(write, work, *guard))
            yield step

    return steps


def write(
    work: Callable[..., None],
    revision: Script,
    context: MigrationContext,
    asked: set[str],
    **arguments: Any,
) -> None:
    """Write the step, and before a contract and after a backfill what has to be true there."""
    assert context.script is not None
    for number in getattr(revision.module, "requires_done", []):
        if number not in asked and (backfill := context.script.get_revision(number)):
            stop_at_leftovers(backfill, context)
            asked.add(number)
    if (lost := getattr(revision.module, "would_lose", None)) is not None:
        said = f"{revision.module.irreversible}: who lets it go for ever leaves this out"
        why = f"rows would lose what is carried nowhere else ({said})"
        stop_if(lost.scalar_subquery() > 0, why, context)
    work(**arguments)
    if revision.module.stage == "backfill":
        stop_at_leftovers(revision, context)
        asked.add(revision.revision)


def stop_at_leftovers(revision: Script, context: MigrationContext) -> None:
    backfill = getattr(revision.module, "work", None)
    # With a `still_due`, which rows are left is known to Python alone.
    if backfill is not None and backfill.still_due is None:
        why = f"backfill {revision.revision} has left rows of {backfill.table.name} undone"
        due = sa.select(backfill.table.c.id).where(backfill.due)
        stop_if(due.exists(), f"{why}: `flask db backfill` does them", context)


def stop_if(condition: sa.ColumnElement[bool], why: str, context: MigrationContext) -> None:
    """Write a statement that does nothing, or fails in every mode of each engine: a key twice."""
    context.impl.static_output(f"-- Fails (the version would stand there twice) if {why}.")
    again = sa.select(VERSION.c.version_num).where(condition)
    context.execute(sa.insert(VERSION).from_select(["version_num"], again))
