"""How an index is built while people write to its table, and what is said when it cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy.exc import IntegrityError

from app.schema import engine
from app.schema.engine import dialect, execute, fetch, is_callers, is_script, listed, quoted
from app.schema.locks import LONGER

# It keeps nobody waiting while it waits, so it may wait for longer than other steps.
WAIT = "10s"


class Duplicates(RuntimeError):
    """Rows share what is to be unique; nothing was changed."""


def build(name: str, table: str, columns: list[str], *, unique: bool) -> None:
    """Build the index, or raise Duplicates."""
    kind, over = "UNIQUE INDEX" if unique else "INDEX", listed(columns)
    try:
        if dialect() == "mariadb":
            engine.alter(table, f"ADD {kind} {quoted(name)} ({over})", "NOCOPY")
        elif can_be_concurrent() and (
            not engine.made_here(table) if is_script() else engine.holds_rows(table)
        ):
            with patience():
                on = f"{quoted(name)} ON {quoted(table)}"
                if is_script():  # nobody looks whether one broke off here before
                    execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(name)}")
                execute(f"CREATE {kind} CONCURRENTLY {on} ({over})")
        else:
            op.create_index(name, table, columns, unique=unique)
    except IntegrityError as error:
        if is_callers():  # whose transaction is spoilt: nothing more can be asked in it
            raise
        drop_invalid(name)
        raise Duplicates(duplicates(name, table, columns)) from error


def drop_invalid(name: str) -> None:
    """Drop what a build of PostgreSQL left behind when it broke off: an index nobody uses."""
    if is_script() or not can_be_concurrent():
        return
    invalid = (
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid "
        f"AND c.relname = '{name}' AND pg_table_is_visible(c.oid)"
    )
    if fetch(invalid):
        with patience():
            execute(f"DROP INDEX CONCURRENTLY {quoted(name)}")


def can_be_concurrent() -> bool:
    return dialect() == "postgresql" and not is_callers()


@contextmanager
def patience() -> Iterator[None]:
    with engine.autocommitted():
        before = LONGER["postgresql"][1] if is_script() else fetch("SHOW lock_timeout")[0][0]
        execute(f"SET lock_timeout = '{WAIT}'")
        try:
            yield
        finally:
            execute(f"SET lock_timeout = '{before}'")


def duplicates(name: str, table: str, columns: list[str]) -> str:
    """Return which rows share what, ten groups of them at most."""
    key = quoted(engine.keys_of(table)[0])
    there = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    rows = fetch(
        f"SELECT MIN({key}) AS one, MAX({key}) AS other, COUNT(*) AS n FROM {quoted(table)} "
        f"WHERE {there} GROUP BY {listed(columns)} HAVING COUNT(*) > 1 "
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
