"""How the live database is for those who use it: as quick as usual, or in trouble."""

import time

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

SLOW, NEVER_SLOW = 5, 0.02  # times the usual, and seconds: when a small read takes too long

WAITING = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND datname = current_database()",
    "mariadb": "SELECT CAST(VARIABLE_VALUE AS INTEGER) FROM information_schema.GLOBAL_STATUS "
    "WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'",
}


class Probe:
    """What the live database is like for somebody else: how long a small read takes, who waits.

    Seen from a connection of its own, while there is a site to look at.
    """

    def __init__(self, engine: sa.Engine | None, table: sa.TableClause) -> None:
        self.engine = engine and engine.execution_options(isolation_level="AUTOCOMMIT")
        self.table = table
        self.connection: sa.Connection | None = None
        self.usual: float | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def is_calm(self, id_: int) -> bool:
        """Whether nobody waits for a lock, and a small read is as quick as usual."""
        if self.engine is None:
            return True
        try:
            self.connection = self.connection or self.engine.connect()
            began = time.monotonic()
            self.connection.execute(sa.select(self.table.c.id).where(self.table.c.id == id_))
            seconds = time.monotonic() - began
            return self.is_usual(seconds) and not self.waiting(self.connection)
        except DBAPIError:  # a look that fails tells nothing about the site
            self.engine = None
            return True

    def is_usual(self, seconds: float) -> bool:
        if self.usual is not None and seconds > max(SLOW * self.usual, NEVER_SLOW):
            return False
        self.usual = seconds if self.usual is None else 0.9 * self.usual + 0.1 * seconds
        return True

    def waiting(self, connection: sa.Connection) -> int:
        query = WAITING.get(connection.dialect.name)
        return connection.exec_driver_sql(query).scalar_one() if query else 0
