"""What a revision comes to in SQL, as a script for an engine has it; no database is asked."""

import io
import traceback
from dataclasses import dataclass

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from app.schema import locks
from app.schema.engine import undoubled

# Where nobody tries again, MariaDB waits for its shortest wait, which is a second.
SETTINGS = {
    "sqlite": ["PRAGMA foreign_keys = OFF", "PRAGMA secure_delete = ON"],
    "postgresql": [f"SET lock_timeout = '{locks.LONGER['postgresql'][1]}'"],
    "mariadb": ["SET SESSION lock_wait_timeout = 1", "SET SESSION innodb_lock_wait_timeout = 1"],
}


@dataclass(frozen=True)
class Statement:
    """One statement or remark, and the line of the revision's file that wrote it."""

    sql: str
    line: int


class Unwritable(RuntimeError):
    """A revision asks a database for something, and so has no script."""


class Listing(io.TextIOBase):
    """Where a script is written to, one statement at a time."""

    def __init__(self, revision: Script, dialect: sa.Dialect) -> None:
        self.path, self.dialect = revision.path, dialect
        self.statements: list[Statement] = []

    def write(self, text: str) -> int:
        in_file = (
            line
            for frame, line in traceback.walk_stack(None)
            if frame.f_code.co_filename == self.path
        )
        sql = undoubled(text.strip().removesuffix(";"), self.dialect)
        self.statements.append(Statement(sql, next(in_file, 1)))
        return len(text)


def statements(revision: Script, dialect: sa.Dialect, function: str = "upgrade") -> list[Statement]:
    """Return what upgrade() would run, or downgrade(), or raise Unwritable."""
    listing = Listing(revision, dialect)
    options = {"as_sql": True, "output_buffer": listing, "literal_binds": True}
    options["transactional_ddl"] = dialect.name != "mariadb"
    context = MigrationContext.configure(dialect=dialect, opts=options)
    with Operations.context(context):
        try:
            getattr(revision.module, function)()
        except Exception as error:
            what = f"{revision.revision} cannot be written as SQL for {dialect.name}"
            raise Unwritable(f"{what}: look before acting through ddl") from error
    return listing.statements


def begin_script(context: MigrationContext) -> None:
    """Write at the head of a script what a run tells the database first."""
    context.impl.static_output(
        "-- Stop at the first error: psql -v ON_ERROR_STOP=1, sqlite3 -bail."
    )
    for setting in SETTINGS[context.dialect.name]:
        context.impl.static_output(f"{setting};")
