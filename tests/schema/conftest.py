"""A scratch database on each of the three engines, and the commands that change its schema."""

import compileall
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from app.schema import state
from tests.processes import Command, answered
from tests.services import scratch_database

ROOT = Path(__file__).parents[2]
# The newest revision and its neighbours, so that the next one does not touch these tests.
HEAD = (ROOT / "migrations" / "HEAD").read_text().strip()
PREVIOUS, NEXT = (f"{int(HEAD) + step:04}" for step in (-1, 1))


class Schema:
    """A database, seen from outside the site: a connection for each question."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.dialect = self.engine.dialect.name
        self.app: Flask = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})

    def upgrade(self, revision: str = "head", **options: Any) -> None:
        with self.app.app_context():
            flask_migrate.upgrade(revision=revision, **options)

    def downgrade(self, revision: str, **options: Any) -> None:
        with self.app.app_context():
            flask_migrate.downgrade(revision=revision, **options)

    def flask(self, *arguments: str, cwd: Path = ROOT) -> Command:
        """Run `flask …` as its own process until it has ended."""
        command = self.start(*arguments, cwd=cwd)
        command.wait()
        return command

    def start(self, *arguments: str, cwd: Path = ROOT) -> Command:
        return Command(*arguments, cwd=cwd, env=self.environment)

    def answered(self, answer: str, *arguments: str, cwd: Path = ROOT) -> tuple[int, str]:
        """Run `flask …` on a terminal; return its exit code and what it said."""
        return answered(answer, *arguments, cwd=cwd, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.url}

    def execute(self, statement: str, **parameters: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(self.quoted(statement)), parameters)

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(self.quoted(query)), parameters).all())

    def scalar(self, query: str, **parameters: Any) -> Any:
        [(value,)] = self.rows(query, **parameters)
        return value

    def quoted(self, statement: str) -> str:
        # `user` is a word of PostgreSQL's own.
        return statement.replace('"', "`") if self.dialect == "mariadb" else statement

    @property
    def version(self) -> str | None:
        try:
            return next(
                (row.version_num for row in self.rows("SELECT * FROM alembic_version")), None
            )
        except SQLAlchemyError:
            return None

    @property
    def tables(self) -> set[str]:
        """The tables, but for the notes of app.schema and what it keeps aside."""
        found = sa.inspect(self.engine).get_table_names()
        return {name for name in found if state.include_name(name, "table", {})}

    def columns(self, table: str) -> set[str]:
        return {column["name"] for column in sa.inspect(self.engine).get_columns(table)}

    def add_people(self, people: dict[str | None, str | None]) -> None:
        """Add people as revision 0001 knows them."""
        for name, password in people.items():
            values = {"name": name, "password": password}
            self.execute('INSERT INTO "user" (name, password) VALUES (:name, :password)', **values)

    def hash_of(self, name: str) -> str | None:
        return self.scalar('SELECT password_hash FROM "user" WHERE name = :name', name=name)


@pytest.fixture
def schema(database_url: str) -> Schema:
    """An empty database, on each of the three engines in turn."""
    return Schema(database_url)


@pytest.fixture
def at_head(engine: str, head_of: Callable[[str], str]) -> Iterator[Schema]:
    """A database at head, on each of the three engines in turn; a copy, which is cheap."""
    with scratch_database(engine, copy_of=head_of(engine)) as url:
        yield Schema(url)


@pytest.fixture
def sqlite_at_head(head_of: Callable[[str], str]) -> Iterator[Schema]:
    """A SQLite database at head."""
    with scratch_database("sqlite", copy_of=head_of("sqlite")) as url:
        yield Schema(url)


@pytest.fixture
def sqlite() -> Iterator[Schema]:
    """An empty SQLite database, where the engine does not matter or is what matters."""
    with scratch_database("sqlite") as url:
        yield Schema(url)


@pytest.fixture
def mariadb() -> Iterator[Schema]:
    """An empty MariaDB database, where each statement commits."""
    with scratch_database("mariadb") as url:
        yield Schema(url)


@pytest.fixture
def postgresql(postgresql_url: str) -> Schema:
    """An empty PostgreSQL database, where locks queue."""
    return Schema(postgresql_url)


@pytest.fixture
def defended() -> Iterator[None]:
    """A library that lets nobody write to its catalogue, as that of macOS."""

    def refuse(action: int, name: str | None, value: str | None, *rest: object) -> int:
        writable = (action, name, value) == (sqlite3.SQLITE_PRAGMA, "writable_schema", "ON")
        return sqlite3.SQLITE_IGNORE if writable else sqlite3.SQLITE_OK

    def defend(connection: sqlite3.Connection, record: object) -> None:
        connection.set_authorizer(refuse)

    sa.event.listen(sa.pool.Pool, "connect", defend)
    yield
    sa.event.remove(sa.pool.Pool, "connect", defend)


@pytest.fixture
def project(compiled: Path, tmp_path: Path) -> Path:
    """A copy of the project, for a developer to change."""
    return shutil.copytree(compiled, tmp_path / "project")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with its modules compiled, which is most of what importing a copy costs."""
    copy = tmp_path_factory.mktemp("compiled")
    for name in ("app", "migrations", "static", "templates"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("config.py", "run.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, copy)
    compileall.compile_dir(copy, quiet=1)
    return copy
