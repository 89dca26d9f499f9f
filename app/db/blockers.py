"""Who holds others up: whose transaction is open, and who is writing to the file of SQLite."""

import os
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

BLOCKERS = {
    "postgresql": """
        SELECT a.pid AS id, a.usename AS name, a.state AS doing, left(a.query, 80) AS said,
          extract(epoch FROM clock_timestamp() - a.xact_start)::int AS age,
          string_agg(DISTINCT c.relname, ', ') AS held
        FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.granted
        JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_|^information_schema$'
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
          AND a.xact_start < clock_timestamp() - interval '100 ms'
        GROUP BY a.pid, a.usename, a.state, a.query, a.xact_start ORDER BY a.xact_start""",
    "mariadb": """
        SELECT p.id, p.user AS name, LOWER(p.command) AS doing, LEFT(p.info, 80) AS said,
          TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) AS age, NULL AS held
        FROM information_schema.innodb_trx t
        JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
        WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID()
          AND t.trx_started < NOW() - INTERVAL 1 SECOND ORDER BY t.trx_started""",
}
ENDING = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}


def blockers(connection: sa.Connection) -> list[str]:
    """Return a sentence for each transaction of others that has been open for a while."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        return writers(connection.exec_driver_sql("PRAGMA database_list").all()[0].file)
    try:
        rows = connection.execute(sa.text(BLOCKERS[dialect].replace(":", "\\:"))).all()
    except DBAPIError:  # MariaDB shows them only to users with the privilege PROCESS
        return []
    said = []
    for row in rows:
        holding = f", holding {row.held}" if row.held else ""
        last = f"; last: {' '.join(row.said.split())}" if row.said else ""
        said.append(
            f"Connection {row.id} ({row.name}, {row.doing}) has had a transaction open for "
            f"{row.age} s{holding}{last}. To end it: {ENDING[dialect].format(row.id)}"
        )
    return said


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
