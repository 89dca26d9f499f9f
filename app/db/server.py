"""The database server itself: its clock, and whether it is to blame for an error."""

import sqlite3
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db import db

# Seconds since 1970, the same on all three whatever the time zone of the server or the session.
EPOCH = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "mariadb": "SELECT unix_timestamp(sysdate(6))",
}
# A column that is not there, one that was left out: PyMySQL calls both operational, SQLite every
# statement that it cannot run. No server mends that, however long somebody waits.
NOT_THE_SERVERS = {1054, 1364, sqlite3.SQLITE_ERROR}


def is_to_blame(error: DBAPIError) -> bool:
    """Whether an operational error may pass by itself, and is no fault of the statement."""
    number = next(iter(getattr(error.orig, "args", ())), None)
    return getattr(error.orig, "sqlite_errorcode", number) not in NOT_THE_SERVERS


def now() -> datetime:
    """Return what the clock of the database says."""
    with db.engine.connect() as connection:
        seconds = connection.execute(sa.text(EPOCH[connection.dialect.name])).scalar_one()
    return datetime.fromtimestamp(float(seconds), UTC)
