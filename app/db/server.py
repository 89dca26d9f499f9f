"""The database server itself, as `flask doctor` asks about it."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.db import db

# Seconds since 1970, the same on all three whatever the time zone of the server or the session.
EPOCH = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "mariadb": "SELECT unix_timestamp(sysdate(6))",
}


def now() -> datetime:
    """Return what the clock of the database says."""
    with db.engine.connect() as connection:
        seconds = connection.execute(sa.text(EPOCH[connection.dialect.name])).scalar_one()
    return datetime.fromtimestamp(float(seconds), UTC)
