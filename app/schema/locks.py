"""Locks that others hold: how long a step waits for one, how it tries again, who is in the way.

A change of the schema that waits makes everybody who comes after it wait too. So it waits for a
moment only, lets the queue go, and tries again, saying whose transaction it is waiting for.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db.blockers import blockers
from app.db.patience import FLUSHED

log = logging.getLogger(__name__)

TRIES = 30
LONGEST_PAUSE = 2.0  # seconds between two tries
SAID_EVERY = 5  # tries
HURRIED = 3.0  # seconds: a transaction is old enough to be named after two, see app.db.blockers

# MariaDB's shortest wait is a second; so there it first does not wait at all, see `hurry`.
LONGER = {"postgresql": ("lock_timeout", "150"), "mariadb": ("lock_wait_timeout", "1")}
SETTINGS = {
    "sqlite": {},
    # What checks or moves rows takes its time, whatever the user's default: see engine.brief.
    "postgresql": {
        "lock_timeout": "35",
        "statement_timeout": "0",
        "backend_flush_after": f"'{FLUSHED}'",
    },
    "mariadb": {"lock_wait_timeout": "0", "innodb_lock_wait_timeout": "1"},
}
# 1684: a table that MariaDB is altering still, for a run that was killed.
HELD = {"55P03", "40P01", 1205, 1213, 1684, "database is locked"}


class Blocked(RuntimeError):
    """Somebody holds a lock for so long that the step gave up; it names them."""


def is_held(error: DBAPIError) -> bool:
    """Whether this failed because somebody holds a lock."""
    codes = {getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())[:1]}
    return not codes.isdisjoint(HELD)


@contextmanager
def short_waits(connection: sa.Connection) -> Iterator[None]:
    """Let no statement of this run wait long for a lock."""
    settings = SETTINGS[connection.dialect.name]
    for name, value in settings.items():
        connection.exec_driver_sql(f"SET SESSION {name} = {value}")
    connection.commit()
    try:
        yield
    finally:
        with suppress(DBAPIError):  # the connection may be what broke
            connection.rollback()
            for name in settings:
                connection.exec_driver_sql(f"SET SESSION {name} = DEFAULT")
            connection.commit()


def patiently(
    work: Callable[[], object], connection: sa.Connection, begin_again: Callable[[], object]
) -> None:
    """Do the work, from its start again while somebody holds a lock; then raise Blocked."""
    named: list[str] = []
    since = float("inf")  # when it was first held
    for attempt in range(1, TRIES + 1):
        hurry(connection, time.monotonic() - since, named)
        try:
            work()
        except DBAPIError as error:
            if not is_held(error):
                raise
            since = min(since, time.monotonic())
            begin_again()
            before, named = named, blockers(connection)
            begin_again()
            tell(attempt, named, error, is_news=bool(named and not before))
        else:
            return
        time.sleep(random.uniform(0.5, 1.5) * min(0.1 * attempt, LONGEST_PAUSE))


def take_turn(connection: sa.Connection) -> None:
    """Begin to write to SQLite, where one does at a time."""
    patiently(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"), connection, lambda: None)


def tell(attempt: int, named: list[str], error: DBAPIError, *, is_news: bool) -> None:
    unseen = "Many short transactions, or one that cannot be seen from here: on SQLite look for a "
    unseen += "`flask shell`, a `sqlite3` or a backup that is in the midst of a write."
    who = "\n  ".join(named or [unseen])
    if attempt == TRIES:
        raise Blocked(
            f"A lock was not to be had in {TRIES} tries. What is not done was rolled back: end "
            f"what is in the way, then run the command again.\n  {who}"
        ) from error
    if is_news or attempt == 1 or attempt % SAID_EVERY == 0:
        log.warning("A lock is held by others (try %d of %d).\n  %s", attempt, TRIES, who)


def hurry(connection: sa.Connection, waited: float, named: list[str]) -> None:
    """Wait longer once nobody stays long: on a busy table there is never a gap.

    Everybody else waits as long, so not before whoever does stay long is old enough to be named.
    """
    if connection.dialect.name in LONGER:
        setting, longer = LONGER[connection.dialect.name]
        usual = SETTINGS[connection.dialect.name][setting]
        wait = longer if waited > HURRIED and not named else usual
        connection.exec_driver_sql(f"SET SESSION {setting} = {wait}")
