"""How an index is built while people write to its table, and what is said when it cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy.exc import IntegrityError

from app.schema import engine
from app.schema.locks import LONGER

# It keeps nobody waiting while it waits, so it may wait for longer than other steps.
WAIT = "10s"


def build(name: str, table: str, columns: list[str], *, unique: bool) -> None:
    """Build the index, or raise Refused."""
    kind, over = "UNIQUE INDEX" if unique else "INDEX", engine.listed(columns)
    try:
        if engine.dialect() == "mariadb":
            engine.alter(table, f"ADD {kind} {engine.quoted(name)} ({over})", "NOCOPY")
        elif can_be_concurrent() and (
            not engine.made_here(table) if engine.is_script() else engine.holds_rows(table)
        ):
            with patience():
                on = f"{engine.quoted(name)} ON {engine.quoted(table)}"
                if engine.is_script():  # nobody looks whether one broke off here before
                    engine.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {engine.quoted(name)}")
                engine.execute(f"CREATE {kind} CONCURRENTLY {on} ({over})")
        else:
            op.create_index(name, table, columns, unique=unique)
    except IntegrityError as error:
        if engine.is_callers():  # whose transaction is spoilt: nothing more can be asked in it
            raise
        drop_invalid(name)
        raise engine.Refused(duplicates(name, table, columns)) from error


def drop_invalid(name: str) -> None:
    """Drop what a build of PostgreSQL left behind when it broke off: an index nobody uses."""
    if engine.is_script() or not can_be_concurrent():
        return
    invalid = (
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid "
        f"AND c.relname = '{name}' AND pg_table_is_visible(c.oid)"
    )
    if engine.fetch(invalid):
        with patience():
            engine.execute(f"DROP INDEX CONCURRENTLY {engine.quoted(name)}")


def can_be_concurrent() -> bool:
    return engine.dialect() == "postgresql" and not engine.is_callers()


@contextmanager
def patience() -> Iterator[None]:
    with engine.autocommitted():
        usual = None if engine.is_script() else engine.fetch("SHOW lock_timeout")[0][0]
        engine.execute(f"SET lock_timeout = '{WAIT}'")
        try:
            yield
        finally:
            engine.execute(f"SET lock_timeout = '{usual or LONGER['postgresql'][1]}'")


def duplicates(name: str, table: str, columns: list[str]) -> str:
    """Return which rows share what, ten groups of them at most."""
    key = engine.quoted(engine.keys_of(table)[0])
    there = " AND ".join(f"{engine.quoted(column)} IS NOT NULL" for column in columns)
    rows = engine.fetch(
        f"SELECT MIN({key}) AS one, MAX({key}) AS other, COUNT(*) AS n FROM {engine.quoted(table)} "
        f"WHERE {there} GROUP BY {engine.listed(columns)} HAVING COUNT(*) > 1 "
        f"ORDER BY MIN({key}) LIMIT {engine.NAMED + 1}"
    )
    groups = [
        f"{row.one} and {row.other}" + (f" (of {row.n})" if row.n > 2 else "") for row in rows
    ]
    return (
        f"{name} cannot be unique: rows of {table} share their {', '.join(columns)}, by "
        f"{key.strip('`')}: {engine.first_of(groups, '; ')}. Nothing was changed: settle which of "
        "them keeps it, then run the command again."
    )
