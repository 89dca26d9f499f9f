"""The gate before a contract: what a command wants done, and what must be true before it is."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.sql import visitors

from app.revisions import troubles
from app.revisions.reading import destroyed, step_name
from app.schema import locks, run
from app.schema.backfill import Backfill
from app.schema.stages import Check

NAMED = 5  # rows that a refusal names; the rest are counted
EXAMPLES = 10

Answer = TypeVar("Answer")


@dataclass
class Wish:
    """What a command wants of a run, beyond its destination, and what the run answers."""

    only: str | None = None  # this stage alone
    destroy: Collection[str] = ()  # what the operator lets die: table.column, or a table
    refused: bool = False


def gated(
    steps_of: Callable[..., Any],
    wish: Wish,
    say: Callable[[str], None],
    confirm: Callable[[str], bool] | None,
) -> Callable[..., Iterator[Any]]:
    """Wrap what a command wants done, so that it ends, quietly, before a contract that is shut.

    `confirm` asks whether data may die; None where there is nobody to ask.
    """

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        assert context.script is not None
        try:
            all_steps = list(steps_of(heads, context))
        except CommandError as error:
            raise troubles.explained(error, context.script, tuple(heads)) from error
        for step in chosen(all_steps, wish, context, say):
            revision = getattr(step, "revision", None)
            if revision and step.is_upgrade and not context.as_sql:
                allow(revision, wish, context, confirm)
                refusals = patient(context, partial(refused, revision, context, wish.destroy))
                if refusals:
                    wish.refused = True
                    say("\n  ".join([f"Stopped before {step_name(revision)}", *refusals]))
                    return
            yield step

    return steps


def chosen(
    steps: list[Any], wish: Wish, context: MigrationContext, say: Callable[[str], None]
) -> list[Any]:
    """Return the steps of the stage that is wished for, or say what comes before them."""
    if wish.only is None:
        return steps
    stages = [step.revision.module.stage for step in steps]
    mine = list(takewhile(lambda step: step.revision.module.stage == wish.only, steps))
    if mine:
        return mine
    looks = wish.only == "backfill" and steps and not context.as_sql
    again = patient(context, partial(unfinished, steps[0].revision, context)) if looks else []
    for revision in again:
        with context.begin_transaction(_per_migration=True):
            run.take(context, revision, revision.module.upgrade)
    if again:
        return []
    if wish.only not in stages:
        say(f"Nothing to do: no {wish.only} is pending.")
        return []
    wish.refused = True
    say(f"{step_name(steps[0].revision)} comes first: run `flask db {stages[0]}`.")
    return []


def unfinished(contract: Script, context: MigrationContext) -> list[Script]:
    """Return the backfills that ran before this contract and have rows left to do."""
    assert context.script is not None
    assert context.connection is not None
    needed = map(context.script.get_revision, getattr(contract.module, "requires_done", []))
    return [each for each in needed if each and any(undone(each, context.connection))]


def patient(context: MigrationContext, question: Callable[[], Answer]) -> Answer:
    """Return what live data answers, also while somebody is altering the table for a moment."""
    answers: list[Answer] = []
    connection = context.connection
    if connection is None or context.opts.get("in_callers_transaction"):
        return question()
    connection.commit()  # where Alembic notes the version may have been made just now
    connection.execution_options(looks=True)
    try:
        locks.patiently(lambda: answers.append(question()), connection, connection.rollback)
    finally:
        connection.rollback()  # nobody waits for a lock while somebody thinks of the answer
        connection.execution_options(looks=False)
    return answers[-1]


def allow(
    contract: Script,
    wish: Wish,
    context: MigrationContext,
    confirm: Callable[[str], bool] | None,
) -> None:
    """Ask whether what this contract would destroy may die, where somebody is there to ask."""
    if confirm is None or context.connection is None:
        return
    of_it = partial(dying_of, contract, context.connection, wish.destroy)
    dying, lost = patient(context, of_it)
    if not (dying and lost):
        return
    if confirm(f"{lost_rows(lost, contract)} Destroy {' and '.join(dying)} for ever?"):
        wish.destroy = {*wish.destroy, *dying}


def refused(contract: Script, context: MigrationContext, destroy: Collection[str]) -> list[str]:
    return list(refusals_of(contract, context, destroy))


def refusals_of(
    contract: Script, context: MigrationContext, destroy: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for each reason why this contract may not run yet."""
    connection, module = context.connection, contract.module
    if getattr(module, "stage", None) != "contract" or connection is None or context.script is None:
        return
    for number in getattr(module, "requires_done", []):
        yield from undone(context.script.get_revision(number), connection)
    dying, lost = dying_of(contract, connection, destroy)
    if dying and lost:
        options = " ".join(f"--yes-destroy {name}" for name in dying)
        yield (
            f"{lost_rows(lost, contract)} Carry it over or empty it, "
            f"or let it die: `flask db contract {options}`."
        )
    for check in getattr(module, "checks", []):
        if ask(connection, check.query, otherwise=check.expected) != check.expected:
            yield f"{check.refusal}{examples(connection, check)} Then run `flask db contract`."


def dying_of(
    contract: Script, connection: sa.Connection, destroy: Collection[str]
) -> tuple[list[str], int]:
    """Return what would die though nobody lets it, and of how many rows nothing else has it."""
    dying = [name for name in destroyed(contract) if name not in destroy]
    query = getattr(contract.module, "would_lose", None) if dying else None
    return dying, ask(connection, query, otherwise=0)


def lost_rows(lost: int, contract: Script) -> str:
    rows = "1 row" if lost == 1 else f"{lost} rows"
    return f"{rows} would lose what is carried nowhere else ({contract.module.irreversible})."


def examples(connection: sa.Connection, check: Check) -> str:
    if check.examples is None:
        return ""
    first = connection.scalars(check.examples.limit(EXAMPLES))
    return f" The first: {', '.join(repr(value) for value in first)}."


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
            "old shape, then run `flask db backfill` and `flask db contract`."
        )


def ask(connection: sa.Connection, query: sa.Select[Any] | None, *, otherwise: Any) -> Any:
    if query is None or gone(connection, query):
        return otherwise
    return connection.scalar(query)


def gone(connection: sa.Connection, clause: sa.ClauseElement) -> bool:
    """Whether a column or a table that `clause` asks about is no more.

    A contract that broke off half-way on MariaDB has dropped it: it was let through then.
    """
    inspector = sa.inspect(connection)
    for column in visitors.iterate(clause):
        if isinstance(column, sa.TableClause) and not inspector.has_table(column.name):
            return True
        if isinstance(column, sa.ColumnClause) and isinstance(column.table, sa.TableClause):
            table = column.table.name
            stands = inspector.get_columns(table) if inspector.has_table(table) else []
            if column.name not in {each["name"] for each in stands}:
                return True
    return False
