"""How a run holds the database: one run at a time, on a connection of its own, all or nothing.

Used by migrations/env.py alone.
"""

import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.schema import kept, locks, state

log = logging.getLogger(__name__)

# PostgreSQL keeps advisory locks per database, MariaDB per server. Asked again and again: one that
# waits in the database is itself a transaction, which an index built meanwhile would wait for.
LOCKS = {
    "postgresql": "SELECT pg_try_advisory_lock(4283)",
    "mariadb": "SELECT GET_LOCK(CONCAT('schema:', SHA1(DATABASE())), 0)",
}
ASKED_EVERY = 0.2  # seconds
EMPTYING = 25  # tries
WAITING = "Another run is changing this schema: waiting until it is done."


class Orphans(RuntimeError):
    """A revision would leave rows that point at nothing; it was rolled back."""


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """Open one connection outside the site's pool, and without the site's ways with it."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        yield connection


def one_at_a_time(connection: sa.Connection) -> AbstractContextManager[None]:
    """Wait until no other run is writing to this database, then keep the next one waiting."""
    hold = file_lock if connection.dialect.name == "sqlite" else server_lock
    return hold(connection)


@contextmanager
def server_lock(connection: sa.Connection) -> Iterator[None]:
    # On a connection of its own: a lock taken on the run's would stand between it and its commits.
    attempt = LOCKS[connection.dialect.name]
    with connection.engine.connect() as holder:
        holder.execution_options(isolation_level="AUTOCOMMIT")
        holder.detach()  # closed for good at the end, which is what frees the lock
        if connection.dialect.name == "mariadb":
            holder.exec_driver_sql("SET SESSION wait_timeout = 31536000")  # it is idle by design
        wait_for(lambda: bool(holder.exec_driver_sql(attempt).scalar()))
        yield


@contextmanager
def file_lock(connection: sa.Connection) -> Iterator[None]:
    # An empty database beside the real one: its lock works wherever SQLite does, and dies with us.
    path = connection.exec_driver_sql("PRAGMA database_list").all()[0].file
    connection.rollback()
    if not path:
        yield  # in memory: nobody else can see it
        return
    with closing(sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None)) as holder:
        wait_for(lambda: begun(holder))
        yield


def wait_for(attempt: Callable[[], bool]) -> None:
    if not attempt():
        log.info(WAITING)
        while not attempt():
            time.sleep(ASKED_EVERY)


def begun(holder: sqlite3.Connection) -> bool:
    with suppress(sqlite3.OperationalError):
        holder.execute("BEGIN EXCLUSIVE")
    return holder.in_transaction


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
    connection.exec_driver_sql("PRAGMA busy_timeout = 60000")  # a live writer's turn is short
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # as the site has it: batches are cheap
    connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
    # Little by little, and by us: the commit of somebody's page must not move our batches over.
    connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 200")
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    # With keys on, a table that is written anew takes the rows that point at it along.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
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
    # The driver would begin at the first write, after DDL has gone through on its own.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def refuse_orphans(*, ctx: MigrationContext, **kwargs: Any) -> None:
    """Before a revision commits on SQLite, check what the engine was told not to."""
    if ctx.as_sql or ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    orphans = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if orphans:
        places = ", ".join(sorted({f"{row[0]} → {row[2]}" for row in orphans}))
        raise Orphans(
            f"{len(orphans)} rows would point at nothing ({places}). Nothing was changed: "
            "find them with PRAGMA foreign_key_check, mend them and run the command again."
        )


def attended(steps_of: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Wrap what a command wants done, so that each step is patient, and noted in our history."""

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        expired = context.as_sql
        for step in steps_of(heads, context):
            if not expired and context.connection is not None:
                kept.expire(context.connection)
                expired = True
            if isinstance(step, RevisionStep) and not context.as_sql:
                taken = functools.partial(
                    take, context, step.revision, step.migration_fn, is_upgrade=step.is_upgrade
                )
                step.migration_fn = functools.wraps(step.migration_fn)(taken)
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
        except Exception:
            with suppress(SQLAlchemyError):  # the connection may be what broke
                again()
                note(outcome="failed", ended_at=clock.now())
                again(commit=True)
            raise
    note(outcome="upgraded" if is_upgrade else "downgraded", ended_at=clock.now())


def begin_again(context: MigrationContext, *, commit: bool = False) -> None:
    """End the revision's transaction and begin another, as an autocommit block does."""
    transaction = context._transaction
    assert transaction is not None
    assert context.connection is not None
    transaction.commit() if commit else transaction.rollback()
    context._transaction = context.connection.begin()
