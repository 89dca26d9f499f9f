"""The database: how a verb becomes one transaction, and what three engines call the same thing.

Reads run in AUTOCOMMIT and cost one message. Writes happen inside a function under `@atomic`,
which is the whole of the persistence machinery; a flush, an insert, an update or a delete
anywhere else is refused.
"""

import functools
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from app.db import patience
from app.db.columns import TABLE_OPTIONS, UTCDateTime, big_id, key
from app.db.guard import STRAY, Guarded, in_verb

__all__ = ["TABLE_OPTIONS", "UTCDateTime", "big_id", "key"]

P = ParamSpec("P")
T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

TRIES = 3
SQLITE_WAIT = 1.4  # seconds for the one writer before us, in each try
# MariaDB: deadlock, lock wait timeout. PostgreSQL: serialization failure, deadlock.
RETRIED = {1213, 1205, "40001", "40P01"}


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING)


# What `Mapped[…]` alone stands for: MariaDB wants a length, and moments are aware.
Base.registry.update_type_annotation_map({str: sa.String(255), datetime: UTCDateTime})


options = {"class_": Guarded, "expire_on_commit": False}
db = SQLAlchemy(model_class=Base, session_options=options)
# Flask-SQLAlchemy builds db.Model at run time, where a type checker cannot see it.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class Busy(Exception):
    """The database could not run a verb in three tries; nothing was changed."""


def engine_options(url: str) -> dict[str, Any]:
    """Return how the site's own engine is made: autocommit, no message that a read can spare."""
    # A log that shows a failed statement must not show the hash or the address in it.
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "hide_parameters": True}
    if url.startswith("sqlite"):
        # Three tries of it, as of any verb, and a page still answers within five seconds.
        return options | {"connect_args": {"timeout": SQLITE_WAIT}}
    # A rollback after each read would be a message of its own on MariaDB.
    options |= {"skip_autocommit_rollback": True, "pool_recycle": 1800}
    return options | {"pool_timeout": patience.POOL}


def init_app(app: Flask) -> None:
    """Attach the database to the application, without opening a connection."""
    options = engine_options(app.config["SQLALCHEMY_DATABASE_URI"])
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", options)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", prepare_sqlite)
        patience.limit(db.engine)


def prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")  # readers never wait for a writer
    connection.execute("PRAGMA synchronous = NORMAL")


@dataclass
class Work:
    """A verb under way, and how far it got."""

    spoilt_by: BaseException | None = None
    is_committing: bool = False


def atomic(verb: Callable[P, T]) -> Callable[P, T]:
    """Run `verb` in one transaction: all of it or nothing.

    Joins the transaction of a verb that calls it, and spoils it by failing. A deadlock, a
    serialization failure or a connection that had dropped runs the verb again, three times at
    most, then raises Busy; a connection lost during the commit does not, since nobody knows
    whether it was done.
    """

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        session = db.session()
        if in_verb(session):
            return joined(session.info["verb"], verb, *args, **kwargs)
        for attempt in range(1, TRIES + 1):
            work = Work()
            try:
                with transaction(session, work):
                    return verb(*args, **kwargs)
            except DBAPIError as error:
                if not is_passing(error) or (work.is_committing and error.connection_invalidated):
                    raise
                if attempt == TRIES:
                    raise Busy from error
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # two that met must not meet again
        raise AssertionError("unreachable")

    return run


def joined(work: Work, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return verb(*args, **kwargs)
    except BaseException as error:
        # Half of it may be written. Whoever catches this cannot go on as if nothing were.
        work.spoilt_by = error
        raise


@contextmanager
def transaction(session: Session, work: Work) -> Iterator[None]:
    if session.new or session.dirty or session.deleted:
        raise RuntimeError(STRAY)
    # Switching isolation on a connection that has already read is ignored by the driver: the
    # autocommit state ends here. What was read in it is forgotten, so that a verb decides on the
    # rows as they are inside its transaction.
    session.rollback()
    session.expire_all()
    session.info["verb"] = work
    try:
        with switches_watched(session.get_bind().dialect.loaded_dbapi.Error):
            try:
                begin(session)
                yield
                if work.spoilt_by is not None:
                    raise RuntimeError("a verb inside this one failed") from work.spoilt_by
                session.flush()
                work.is_committing = True
                session.commit()
            except BaseException:
                session.rollback()
                raise
    finally:
        del session.info["verb"]


def begin(session: Session) -> None:
    if session.get_bind().dialect.name == "sqlite":
        # A deferred transaction that reads first cannot become a writer once another wrote.
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
    else:
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})


@contextmanager
def switches_watched(driver_error: type[Exception]) -> Iterator[None]:
    """Name a failure of PyMySQL's switch to a transaction, or back, for what it is."""
    try:
        yield
    except driver_error as error:
        # SQLAlchemy does not watch this statement: the dead connection would be handed out again.
        db.engine.dispose()
        raise OperationalError("autocommit", {}, error, connection_invalidated=True) from error


def is_passing(error: DBAPIError) -> bool:
    """Whether the same statements may well succeed a moment later: nobody was refused anything."""
    if error.connection_invalidated:
        return True
    # PyMySQL's number comes first; the state beside it, in its newer releases, says less.
    codes = {*getattr(error.orig, "args", ())[:1], getattr(error.orig, "sqlstate", None)}
    sqlite_code = getattr(error.orig, "sqlite_errorcode", 0)
    # MariaDB's deadlock ends the savepoints too: that one of them is gone is what is seen of it.
    is_lost = 1305 in codes and "SAVEPOINT" in str(error.orig)
    return bool(codes & RETRIED) or is_lost or sqlite_code & 0xFF == sqlite3.SQLITE_BUSY


@event.listens_for(db.session, "before_flush")
def refuse_stray_flush(session: Session, flush_context: Any, instances: Any) -> None:
    if not in_verb(session):
        raise RuntimeError(STRAY)


def affected(write: sa.Update | sa.Delete) -> int:
    """Run a write that names its rows, and return how many there were: how a race is decided."""
    write = write.execution_options(synchronize_session=False)
    return cast("sa.CursorResult[Any]", db.session.execute(write)).rowcount


def violated(error: IntegrityError) -> set[str]:
    """Return the columns of the unique key that `error` speaks of, or none if it is no such."""
    text = str(error.orig)
    if found := re.match(r"UNIQUE constraint failed: (.+)", text):  # SQLite: user.name, user.id
        return {column.split(".")[-1].strip() for column in found[1].split(",")}
    if diagnostics := getattr(error.orig, "diag", None):  # PostgreSQL
        return columns_of(diagnostics.constraint_name)
    if found := re.search(
        r"Duplicate entry .* for key '(?:.*\.)?([^']+)'", text, re.DOTALL
    ):  # MariaDB
        return columns_of(found[1])
    return set()


def columns_of(name: str | None) -> set[str]:
    for table in db.metadata.tables.values():
        for item in [*table.indexes, *table.constraints]:
            if isinstance(item, sa.Index | sa.UniqueConstraint) and item.name == name:
                return {column.name for column in item.columns}
    return set()
