"""How a run holds the database: one run at a time, on a connection of its own, all or nothing.

Used by migrations/env.py alone.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import clock
from app.schema import locks, state

log = logging.getLogger(__name__)

# PostgreSQL keeps advisory locks per database, MariaDB per server; SQLite locks an empty database
# beside the real one, which works wherever it does and dies with us. Asked again and again: one
# that waits in the database is itself a transaction, which an index built meanwhile would wait for.
LOCKS = {
    "postgresql": "SELECT pg_try_advisory_lock(4283)",
    "mariadb": "SELECT GET_LOCK(CONCAT('schema:', SHA1(DATABASE())), 0)",
    "sqlite": "BEGIN EXCLUSIVE",
}
ASKED_EVERY = 0.2  # seconds
EMPTYING = 25  # tries
PRAGMAS = [
    "busy_timeout = 1000",  # a live writer's turn is short; whoever stays longer is named
    "journal_mode = WAL",  # as the site has it: batches are cheap
    "synchronous = NORMAL",
    # Little by little, and by us: the commit of somebody's page must not move our batches over.
    "wal_autocheckpoint = 200",
    "secure_delete = ON",
    # With keys on, a table that is written anew takes the rows that point at it along.
    "foreign_keys = OFF",
]


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """Open one connection outside the site's pool, and without the site's ways with it."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        yield connection


@contextmanager
def one_at_a_time(connection: sa.Connection) -> Iterator[None]:
    """Wait until no other run is writing to this database, then keep the next one waiting."""
    url = connection.engine.url
    if connection.dialect.name == "sqlite":
        path = connection.exec_driver_sql("PRAGMA database_list").all()[0].file
        connection.rollback()
        beside = f"{path}.lock" if path else None
        url = sa.URL.create("sqlite", database=beside, query={"timeout": "0"})
    # On a connection of its own: a lock taken on the run's would stand between it and its commits.
    with connected(url) as holder:
        holder.execution_options(isolation_level="AUTOCOMMIT")
        if holder.dialect.name == "mariadb":
            holder.exec_driver_sql("SET SESSION wait_timeout = 31536000")  # it is idle by design
        if not is_free(holder):
            log.info("Another run is changing this schema: waiting until it is done.")
            while not is_free(holder):
                time.sleep(ASKED_EVERY)
        yield


def is_free(holder: sa.Connection) -> bool:
    """Take the lock, unless another run has it."""
    try:
        taken = holder.exec_driver_sql(LOCKS[holder.dialect.name])
    except DBAPIError as error:
        if not locks.is_held(error):
            raise
        return False
    return not taken.returns_rows or bool(taken.scalar())


@contextmanager
def whole_transactions(connection: sa.Connection) -> Iterator[None]:
    """Make every transaction of this run real, also where the driver or the site would not."""
    sqlite = connection.dialect.name == "sqlite"
    connection.execution_options(isolation_level="SERIALIZABLE" if sqlite else "READ COMMITTED")
    if not sqlite:
        with locks.short_waits(connection):
            yield
        return
    keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
    for pragma in PRAGMAS:
        ask = functools.partial(connection.exec_driver_sql, f"PRAGMA {pragma}")
        locks.patiently(ask, connection, connection.rollback)
    connection.rollback()
    event.listen(connection, "begin", begin_immediate)
    try:
        yield
    finally:
        connection.rollback()
        event.remove(connection, "begin", begin_immediate)
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {keys}")
        empty_log(connection)
        connection.rollback()


def empty_log(connection: sa.Connection) -> None:
    """Empty SQLite's log, where what was erased lies too, but keep no writer waiting for a reader.

    While a reader needs what is in it, it stays; the next run looks again.
    """
    connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")  # in which nobody waits
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    for _ in range(EMPTYING):
        if not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
            return
        time.sleep(ASKED_EVERY)


def begin_immediate(connection: sa.Connection) -> None:
    # The driver would begin at the first write, after DDL has gone through on its own. Whoever only
    # `looks` needs no turn: nobody shall wait while all rows are read.
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT" and not options.get("looks"):
        locks.take_turn(connection)


def attended(steps_of: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Wrap what a command wants done, so that each step is patient, and noted in our history."""

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        for step in steps_of(heads, context):
            if isinstance(step, RevisionStep) and not context.as_sql:
                work, up = step.migration_fn, step.is_upgrade
                taken = functools.partial(take, context, step.revision, work, is_upgrade=up)
                step.migration_fn = functools.wraps(work)(taken)
            yield step

    return steps


def take(
    context: MigrationContext,
    revision: Script,
    function: Callable[..., None],
    *,
    is_upgrade: bool = True,
    **arguments: Any,
) -> None:
    """Run a step, patient with the locks of others; note when it ran and how it ended."""
    context.opts["step"] = (revision.revision, is_upgrade)
    assert context.connection is not None
    note = functools.partial(
        state.record,
        context.connection,
        revision=revision.revision,
        stage=getattr(revision.module, "stage", ""),
        started_at=clock.now(),
        **context.opts["signed"](revision),
    )

    work = functools.partial(function, **arguments)
    if context.opts.get("in_callers_transaction"):
        work()
    else:
        again = functools.partial(begin_again, context)
        try:
            locks.patiently(work, context.connection, again)
        except Exception as error:
            # The connection may be what broke; and nobody can write to an SQLite that is blocked.
            sqlite = context.dialect.name == "sqlite"
            with suppress(SQLAlchemyError):
                if not (sqlite and isinstance(error, locks.Blocked)):
                    again()
                    note(outcome="failed", ended_at=clock.now())
                    again(commit=True)
            raise
    note(outcome="upgraded" if is_upgrade else "downgraded", ended_at=clock.now())


def begin_again(context: MigrationContext, *, commit: bool = False) -> None:
    """End the revision's transaction and begin another, as an autocommit block does."""
    transaction, connection = context._transaction, context.connection
    assert connection is not None
    if transaction is not None:  # an autocommit block whose connection broke has begun none
        transaction.commit() if commit else transaction.rollback()
    context._transaction = connection.begin()
