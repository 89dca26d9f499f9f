"""`flask db verify`: every revision is walked up, down and up again on a scratch database.

On SQLite always, and on each server that is configured: there a database with a random name is
made, and dropped at the end.
"""

import logging
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app.revisions import drift, gates, proof, reading, shape, troubles
from app.schema import run


@contextmanager
def scratch(server: sa.URL) -> Iterator[sa.URL]:
    """Yield the address of a new, empty database of this server; drop it afterwards."""
    name = f"verify_{secrets.token_hex(6)}"
    if server.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory(prefix=name) as folder:
            yield sa.make_url(f"sqlite:///{folder}/scratch.db")
        return
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    like = {"postgresql": " TEMPLATE template0", "mariadb": " CHARACTER SET utf8mb4"}
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}{like[engine.dialect.name]}")
        if engine.dialect.name == "postgresql":  # nobody misses it after a crash
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        try:
            yield server.set(database=name)
        finally:
            forced = " WITH (FORCE)" if engine.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{forced}")


@contextmanager
def quietly(level: int) -> Iterator[None]:
    """Let nobody be told of each step, up to this level: what is wrong is in the answer."""
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class Walk:
    """One scratch database, and what was found on it.

    `failures`, what contracts break, and for which tables nothing could be proven, and why.
    """

    def __init__(self, config: Config, url: sa.URL, metadata: sa.MetaData) -> None:
        self.config, self.metadata = config, metadata
        self.script = ScriptDirectory.from_config(config)
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.failures: list[str] = []
        self.broken: list[str] = []
        self.unproven: dict[str, str] = {}

    def facts(self) -> dict[str, Any]:
        """Return the engine, the revisions that were walked, and what was found."""
        return {
            "engine": self.engine.dialect.name,
            "revisions": [each.revision for each in reading.history(self.script)],
            "failures": self.failures,
            "contracts_break": self.broken,
            "not_proven": self.unproven,
        }

    @quietly(logging.WARNING)
    def run(self) -> None:
        if trouble := troubles.of_the_story(self.script, ()):
            self.failures.append(trouble)
            return
        for revision in reading.history(self.script):
            if not self.step(revision):
                return
        with self.engine.connect() as connection:
            found = drift.differences(connection, self.metadata)
        self.failures += [f"drift: {each}" for each in found]

    def step(self, revision: Script) -> bool:
        """Go up to this revision, try the release before on it, go down and up again."""
        with self.connection() as connection:
            before, began = proof.reflected(connection), shape.of(connection)
            self.unproven |= dict(proof.unproven(connection, before))
        if not self.go(revision, "up"):
            return False
        with self.connection() as connection:
            refused = proof.refused(connection, before)
            after = proof.reflected(connection)
            proof.fill(connection, after)
            rows, stood = proof.rows_of(connection, before), shape.of(connection)
        if not self.go(revision, "down"):
            return False
        with self.connection() as connection:
            for differs in shape.differs(began, stood, shape.of(connection)):
                self.failures.append(f"{revision.revision}: going down {differs}")
        self.tell_apart(revision, before, refused)
        if not self.go(revision, "up"):
            return False
        with self.connection() as connection:
            kept = proof.rows_of(connection, before)
            for column in [each for each in rows if rows[each] != kept.get(each)]:
                self.failures.append(f"{revision.revision}: down and up again changes {column}")
            stands = shape.of(connection)
        for lost in shape.lost(stood, stands):
            self.failures.append(f"{revision.revision}: down and up again {lost}")
        return True

    def tell_apart(self, revision: Script, before: sa.MetaData, refused: proof.Refusals) -> None:
        """Note what the revision made fail; the database is on the one below it."""
        if not refused:
            return
        with self.connection() as connection:
            known = proof.refused(connection, before)
        for statement in [each for each in refused if each not in known]:
            line = f"{revision.revision}: {statement} fails: {refused[statement]}"
            if revision.module.stage == "contract":
                self.broken.append(line)
            else:
                self.failures.append(f"the release before, on {line}")

    def go(self, revision: Script, way: str) -> bool:
        destroy = reading.destroyed(revision) if revision.module.stage == "contract" else ()
        self.config.attributes["wish"] = wish = gates.Wish(destroy=destroy)
        with self.engine.connect() as connection:
            self.config.attributes["connection"] = connection
            try:
                self.move(way, revision)
            except (CommandError, DBAPIError, RuntimeError) as error:
                reason = troubles.said(error)
                self.failures.append(f"{revision.revision}: going {way} fails: {reason}")
                return False
        if wish.refused:
            self.failures.append(f"{revision.revision}: its gate stays shut on rows made for it")
        return not wish.refused

    def move(self, way: str, revision: Script) -> None:
        """Do what `upgrade` and `downgrade` do, less reading every file of the history again."""
        ways = {
            "up": (self.script._upgrade_revs, revision.revision),
            "down": (self.script._downgrade_revs, str(revision.down_revision or "base")),
        }
        steps_to, target = ways[way]

        def steps(heads: Any, context: MigrationContext) -> Any:
            return steps_to(target, heads)

        with EnvironmentContext(self.config, self.script, fn=steps, destination_rev=target):
            self.script.run_env()

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        # A fresh one each time: on SQLite an old one may remember the schema as it was.
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
                connection.rollback()
                sa.event.listen(connection, "begin", run.begin_immediate)
            yield connection


def lines(facts: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    count, failures = len(facts["revisions"]), facts["failures"]
    what = f"{len(failures)} failures" if failures else "everything holds"
    said = [f"{facts['engine']}: {count} revisions up, down and up again: {what}"]
    said += [f"  FAILED {each}" for each in failures]
    for table, why in facts["not_proven"].items():
        said += [f"  not proven for table {table}: no row that is made for it fits: {why}"]
    return said + [f"  a contract: {each}" for each in facts["contracts_break"]]
