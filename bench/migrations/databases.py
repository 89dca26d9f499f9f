"""Scratch databases at head, full of people, and the histories that are run on them."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from flask import Flask
from flask.cli import ScriptInfo

from app import create_app

ROOT = Path(__file__).parents[2]
HEAD = (ROOT / "migrations" / "HEAD").read_text().strip()
STEPS = {
    f"{int(HEAD) + n:04}": stage for n, stage in enumerate(("expand", "backfill", "contract"), 1)
}

FORK = multiprocessing.get_context("fork")
PEOPLE = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) ",
    "postgresql": "WITH n(n) AS (SELECT generate_series(1, {rows})) ",
    "mariadb": "",
}
FROM = {"sqlite": "n", "postgresql": "n", "mariadb": "(SELECT seq AS n FROM seq_1_to_{rows}) AS n"}
# A site in use has statistics; and old files of its log, which PostgreSQL keeps at a checkpoint and
# writes into again (with `min_wal_size` as docs/changing-the-schema.md advises). Without any, each
# new one of 16 MB is filled with nothing while all wait. This leaves a gigabyte of them.
LOG = "SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 500000) AS n"
AS_IN_USE = {
    "sqlite": ["ANALYZE"],
    "postgresql": ["VACUUM ANALYZE", f"CREATE TABLE log AS {LOG}", "DROP TABLE log", "CHECKPOINT"],
    "mariadb": ["ANALYZE TABLE user"],
}
FILL = (
    "{people}SELECT n, {name}, {name}, {mail}, {mail}, "
    "'$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaA', "
    "'2026-11-01 12:00:00' FROM {source}"
)


class Command:
    """`flask db …` as a process of its own, forked from this one, which has imported it all.

    So a kill meets what the command does, and not Python on its way to it.
    """

    def __init__(self, app: Flask, *arguments: str) -> None:
        self.app, self.arguments = app, arguments
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody has it
        self.process = FORK.Process(target=self.work)
        self.process.start()

    def work(self) -> None:
        for stream in (1, 2):
            os.dup2(self.output.fileno(), stream)
        self.app.cli.main(["db", *self.arguments], obj=ScriptInfo(create_app=lambda: self.app))

    def ended(self) -> Self:
        self.process.join()
        self.output.seek(0)
        self.said = self.output.read().decode()
        return self

    @property
    def code(self) -> int | None:
        return self.process.exitcode


class Database:
    """A database, and the commands that change it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.dialect = self.engine.dialect.name
        self.app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})

    def start(self, *arguments: str) -> Command:
        return Command(self.app, *arguments)

    def run(self, *arguments: str) -> str:
        """Run `flask db …` and return what it said."""
        command = self.start(*arguments).ended()
        if command.code:
            raise RuntimeError(f"flask db {' '.join(arguments)} failed:\n{command.said}")
        return command.said

    def flask(self, *arguments: str) -> str:
        """Run `flask db …` as an operator does, from Python's start on; return why it failed."""
        command = [sys.executable, "-m", "flask", "db", *arguments]
        env = os.environ | {"DATABASE_URL": self.url}
        ended = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True)
        return ended.stderr.decode() if ended.returncode else ""

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(self.quoted(statement))

    def scalar(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(self.quoted(query)).scalar()

    def quoted(self, statement: str) -> str:
        return statement.replace('"', "`") if self.dialect == "mariadb" else statement

    def fill(self, rows: int) -> None:
        """Bring the database to head and put so many people into it."""
        if self.dialect == "sqlite":
            self.execute("PRAGMA journal_mode = WAL")
        self.run("upgrade")
        join = "CONCAT('{}', n)" if self.dialect == "mariadb" else "'{}' || n"
        select = FILL.format(
            people=PEOPLE[self.dialect].format(rows=rows),
            source=FROM[self.dialect].format(rows=rows),
            name=join.format("person"),
            mail="CONCAT('person', n, '@example.com')"
            if self.dialect == "mariadb"
            else "'person' || n || '@example.com'",
        )
        columns = "id, name, name_key, email, email_key, password_hash, created_at"
        stamp = "CAST('2026-11-01 12:00:00+00' AS timestamptz)"
        if self.dialect == "postgresql":
            select = select.replace("'2026-11-01 12:00:00'", stamp)
        self.execute(f'INSERT INTO "user" ({columns}) {select}')
        if self.dialect == "postgresql":
            self.execute(f"SELECT setval('user_id_seq', {rows})")
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in AS_IN_USE[self.dialect]:
                connection.exec_driver_sql(statement)


def staged(folder: Path, *more: str) -> str:
    """Return the project's history with an open change on top of it, in its three stages.

    And `more` revisions after these.
    """
    directory = folder / "staged"
    shutil.copytree(ROOT / "migrations", directory, ignore=shutil.ignore_patterns("__pycache__"))
    add(directory, [*STEPS.values(), *more], int(HEAD), HEAD)
    return str(directory)


def naive(folder: Path, database: Database) -> str:
    """Return what Flask-Migrate makes by itself, with the same change in one revision."""
    directory = folder / "naive"
    database.run("init", "-d", str(directory))
    (directory / "versions" / "head.py").write_text(
        f'revision = "{HEAD}"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
    )
    add(directory, ["naive"], int(HEAD), HEAD)
    return str(directory)


def add(directory: Path, names: list[str], number: int, before: str) -> None:
    for name in names:
        number += 1
        text = (Path(__file__).parent / "versions" / f"{name}.py").read_text()
        text = text.replace("{number}", f"{number:04}").replace("{before}", before)
        before = f"{number:04}"
        (directory / "versions" / f"{before}_{name}.py").write_text(text)
    if (directory / "HEAD").exists():
        (directory / "HEAD").write_text(f"{before}\n")
