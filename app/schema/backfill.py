"""Rows moved in batches while people use the site.

A backfill may be stopped at any moment, even by kill -9, and is simply run again: each batch
commits by itself, and what is done is no longer due. A row is written only if what was read
is still there; if a live release was quicker, its word stands and the next sweep looks again.
"""

import math
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from app.db import is_passing
from app.db.probe import Probe
from app.schema import locks
from app.schema.engine import autocommitted, is_callers, is_script, note
from app.schema.progress import MOST, WRITING, Pace, Progress, Stopwatch

TRIES = 5
Rows = Sequence[sa.Row[Any]]
Values = Mapping[Any, Mapping[str, Any]]  # by id
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Backfill:
    """What a backfill revision declares, as `work`, and runs: which rows are due, and their values.

    `compute` gets rows of `id` and `reads` and returns what to write, by id; it may leave rows
    out, and runs outside any transaction. Where a row can be due by the predicate and settled
    all the same, `still_due` returns the ids, among those rows, that are not.
    """

    table: sa.TableClause
    due: sa.ColumnElement[bool]
    reads: Sequence[str]
    compute: Callable[[sa.Connection, Rows], Values]
    still_due: Callable[[sa.Connection, Rows], Container[int]] | None = None

    @property
    def query(self) -> sa.Select[Any]:
        """The rows that are due, in the order in which they are done."""
        columns = [self.table.c[name] for name in ("id", *self.reads)]
        return sa.select(*columns).where(self.due).order_by(self.table.c.id)

    def run(self) -> None:
        """Sweep over the table until nothing is left, or until sweeping no longer makes it less."""
        if is_script():
            note(
                f"A backfill of {self.table.name}: `flask db upgrade` runs it, in batches, before "
                "what follows here."
            )
            return
        revision, _ = op.get_context().opts["step"]
        with autocommitted() as connection:
            fewest, in_vain = math.inf, 0
            total = connection.scalar(sa.select(sa.func.count()).where(self.due)) or 0
            with Progress(connection, revision, self.table.name, total) as progress:
                while in_vain < TRIES and (due := self.sweep(progress)):
                    # A release that writes the old shape faster than we move it never ends.
                    in_vain = in_vain + 1 if due >= fewest else 0
                    fewest = min(fewest, due)
                progress.state = "done" if in_vain < TRIES else "leftovers"

    def left(self, connection: sa.Connection) -> Iterator[Any]:
        """Yield the ids of the rows that are still to be done."""
        for rows in pages(connection, self.query, lambda: MOST):
            wanted = self.still_due(connection, rows) if self.still_due else None
            yield from (row.id for row in rows if wanted is None or row.id in wanted)

    def sweep(self, progress: Progress) -> int:
        """Do each row that is due once; return how many there were to do."""
        connection, config = progress.connection, op.get_context().config
        batch = config.attributes.get("batch") if config else None
        pace = Pace(connection.dialect.name, batch)
        found = 0
        with closing(Probe(None if is_callers() else connection.engine, self.table)) as probe:
            for rows in pages(connection, self.query, lambda: pace.size):
                progress.obey()
                with pace.computing:
                    values = self.compute(connection, rows)
                chosen = [row for row in rows if row.id in values]
                self.write(chosen, values, progress, pace)
                found += len(values)
                if len(rows) >= pace.least:  # else it was the last of them, and small
                    pace.adapt(calm=probe.is_calm(rows[-1].id))
        return found

    def write(self, rows: Rows, values: Values, progress: Progress, pace: Pace) -> None:
        write_once = self.prepared(progress.connection, rows, values)
        for attempt in range(1, TRIES + 1):
            try:
                with transaction(progress.connection, pace.writing):
                    written = write_once(progress.connection)
                    progress.note(written)  # killed here, neither is done
                progress.bar.update(written)
                return
            except DBAPIError as error:
                # A lock that stays is for the whole run to wait for, which names who holds it.
                passing = is_passing(error) or locks.is_held(error)
                if attempt == TRIES or not passing or error.connection_invalidated:
                    raise
                time.sleep(WRITING * attempt)

    def prepared(
        self, connection: sa.Connection, rows: Rows, values: Values
    ) -> Callable[[sa.Connection], int]:
        """Return what writes these rows and counts them: ready before anybody waits for it."""
        if not rows:
            return lambda connection: 0
        parameters = [
            {"row_id": row.id}
            | {f"read_{name}": row._mapping[name] for name in self.reads}
            | {f"new_{name}": value for name, value in values[row.id].items()}
            for row in rows
        ]
        targets = list(values[rows[0].id])
        if connection.dialect.name == "mariadb":
            # Its driver sends one statement for each row; from a table it takes one for all.
            c = self.table.c
            read = [c[name].label(f"read_{name}") for name in self.reads]
            new = [c[name].label(f"new_{name}") for name in targets]
            given = laid_out(connection, [c.id.label("row_id"), *read, *new], parameters)
            statement = self.update(targets, given)
            return lambda connection: connection.execute(statement).rowcount
        statement = self.update(targets, sa.bindparam)
        return lambda connection: connection.execute(statement, parameters).rowcount

    def update(self, targets: Sequence[str], given: Callable[[str], Any]) -> sa.Update:
        """Return what writes a row that is due still, if what was read of it is there still."""
        c = self.table.c
        unchanged = [c[name].is_not_distinct_from(given(f"read_{name}")) for name in self.reads]
        return (
            sa.update(self.table)
            .where(c.id == given("row_id"), self.due, *unchanged)
            .values({name: given(f"new_{name}") for name in targets})
        )


def pages(connection: sa.Connection, of: sa.Select[Any], size: Callable[[], int]) -> Iterator[Rows]:
    """Yield the rows of a query, which is in the order of its first column."""
    page = of
    while rows := connection.execute(page.limit(size())).all():
        yield rows
        page = of.where(of.selected_columns[0] > rows[-1][0])


def write_in_batches(keys: sa.Select[Any], update: sa.Update, key: sa.ColumnElement[Any]) -> None:
    """Run an update on the rows that have these keys, keeping nobody waiting."""
    with autocommitted() as connection:
        pace = Pace(connection.dialect.name)
        for rows in pages(connection, keys, lambda: pace.size):
            with transaction(connection, pace.writing):
                connection.execute(update.where(key.between(rows[0][0], rows[-1][0])))
            pace.adapt(calm=True)


def laid_out(
    connection: sa.Connection,
    columns: Sequence[sa.Label[Any]],
    parameters: Sequence[Mapping[str, Any]],
) -> Callable[[str], Any]:
    """Put these into a table of this connection's own; return what names its columns."""
    table = sa.table("_batch", *(sa.column(column.name, column.type) for column in columns))
    like = (
        sa.select(*columns)
        .limit(0)
        .compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    )
    connection.exec_driver_sql("DROP TEMPORARY TABLE IF EXISTS _batch")
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE _batch AS {like}".replace("%%", "%"))
    connection.execute(sa.insert(table), parameters)
    return lambda name: table.c[name]


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return function(item) for each, on half of the cores, two at least; the site has the rest.

    For work that lets go of the interpreter, as argon2 does.
    """
    with ThreadPoolExecutor(max(2, (os.cpu_count() or 1) // 2)) as pool:
        return list(pool.map(function, items))


@contextmanager
def transaction(connection: sa.Connection, stopwatch: Stopwatch) -> Iterator[None]:
    """Commit at the end, or roll back; take the time from when its locks may be held."""
    # Spelt out: the connection is in autocommit, where a begin() of its own would be a pretence.
    if is_callers():
        with stopwatch:
            yield
        return
    if connection.dialect.name == "sqlite":
        locks.take_turn(connection)
    else:
        connection.exec_driver_sql("BEGIN")
    if connection.dialect.name == "postgresql":
        # What a crash of the server took back would be due again, by its count too: so the disk
        # may write it along with the next commit of a page. The revision's own waits for all.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
    try:
        with stopwatch:
            yield
            connection.exec_driver_sql("COMMIT")
    except BaseException:
        with suppress(DBAPIError):
            connection.exec_driver_sql("ROLLBACK")
        raise
