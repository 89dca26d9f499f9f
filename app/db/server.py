"""The database server itself: its clock, whether it is to blame for an error, who writes."""

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

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


def writers(path: str) -> list[str]:
    """Return a sentence for each process in the midst of a write to this file of SQLite."""
    said = []
    with suppress(OSError):  # Linux knows them, elsewhere nobody does
        stats = [file.stat() for file in (Path(path), Path(f"{path}-shm")) if file.exists()]
        places = [f"{os.major(s.st_dev):02x}:{os.minor(s.st_dev):02x}:{s.st_ino}" for s in stats]
        for line in Path("/proc/locks").read_text().splitlines():
            _, _, _, kind, pid, place, *_ = line.split()
            if kind == "WRITE" and place in places:
                text = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
                words = "".join(c if c.isprintable() else " " for c in text).split()
                said.append(
                    f"Process {pid} ({' '.join(words)[:80]}) is in the midst of a write to {path}. "
                    "Let it commit or roll back, or close it."
                )
    return said
