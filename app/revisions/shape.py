"""What stands in a database, in the engine's own words, so that what a way back loses is seen."""

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from app.schema import rebuild, state

Shape = dict[str, str]  # "column thing.name" → all that it is

POSTGRESQL = [
    "SELECT 'column ' || c.relname || '.' || a.attname, c.relname, concat_ws(' ', "
    "format_type(a.atttypid, a.atttypmod), (SELECT quote_ident(collname) FROM pg_collation "
    "WHERE oid = a.attcollation AND collname <> 'default'), CASE WHEN a.attnotnull THEN "
    "'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') "
    "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE a.attnum > 0 AND NOT a.attisdropped AND {}",
    "SELECT 'index ' || c.relname, t.relname, pg_get_indexdef(c.oid) || CASE WHEN i.indisvalid "
    "THEN '' ELSE ' INVALID' END FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_class t ON t.oid = i.indrelid WHERE {}",
    "SELECT 'constraint ' || k.conname, c.relname, pg_get_constraintdef(k.oid) "
    "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype <> 'n' AND {}",
    "SELECT 'trigger ' || t.tgname, c.relname, pg_get_triggerdef(t.oid) "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND {}",
]
HERE = "c.relnamespace = current_schema()::regnamespace"
MARIADB = [
    "SELECT CONCAT('trigger ', trigger_name), event_object_table, CONCAT_WS(' ', action_timing, "
    "event_manipulation, action_statement) FROM information_schema.triggers "
    "WHERE trigger_schema = DATABASE()",
]
LENGTH = re.compile(r"(?<=char|ying)\((\d+)\)", re.IGNORECASE)
# What begins an item of a table that is no column, and its name, if it has one.
NO_COLUMN = re.compile(
    r"(?:(?:UNIQUE |FULLTEXT )?(KEY)|(CONSTRAINT)|PRIMARY|UNIQUE|CHECK|FOREIGN|PERIOD)\b"
    r"(?: [`\"]?(\w+))?",
    re.IGNORECASE,
)


def of(connection: sa.Connection) -> Shape:
    """Return each column, index, constraint and trigger, and what it is."""
    rows = {"sqlite": on_sqlite, "mariadb": on_mariadb, "postgresql": on_postgresql}
    found = {
        what: " ".join(str(words).split())
        for what, table, words in rows[connection.dialect.name](connection)
        if not state.is_ours(table) and table != "alembic_version"
    }
    connection.rollback()
    return found


def lost(before: Shape, after: Shape) -> Iterator[str]:
    """Yield what is gone, and what is not as it was."""
    for what, words in sorted(before.items()):
        if what not in after:
            yield f"loses {what}"
        elif after[what] != words:
            yield f"changes {what}: {words} becomes {after[what]}"


def differs(before: Shape, between: Shape, after: Shape) -> Iterator[str]:
    """Yield in what a database that went up and came back is not what it was.

    A string that was widened stays long: rows may be longer by now. A column that was dropped may
    be empty: rows that came meanwhile have nothing in it.
    """
    meant = {
        what
        for what, words in before.items()
        if is_longer(words, after.get(what, ""))
        or (what not in between and is_free(words, after.get(what, "")))
    }
    yield from lost({what: words for what, words in before.items() if what not in meant}, after)
    yield from (f"leaves {what} behind" for what in sorted(after) if what not in before)


def is_free(before: str, after: str) -> bool:
    """Whether this is the same column, but that it may be empty."""
    return before.replace(" NOT NULL", "") == after.removesuffix(" DEFAULT NULL")


def is_longer(before: str, after: str) -> bool:
    """Whether this is the same column, of a string that may be longer."""
    (shorter, one), (longer, other) = (LENGTH.subn("", each) for each in (before, after))
    if not (one and other) or shorter != longer:
        return False
    was, stands = (int(LENGTH.findall(each)[0]) for each in (before, after))
    return stands > was


def on_postgresql(connection: sa.Connection) -> Iterator[Any]:
    for query in POSTGRESQL:
        yield from connection.exec_driver_sql(query.format(HERE))


def on_mariadb(connection: sa.Connection) -> Iterator[Any]:
    for table in sa.inspect(connection).get_table_names():
        text = connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1]
        yield from items(table, text)
    for query in MARIADB:
        yield from connection.exec_driver_sql(query)


def on_sqlite(connection: sa.Connection) -> Iterator[Any]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    for kind, name, table, text in connection.exec_driver_sql(query):
        if kind == "table" and not name.startswith("sqlite_"):
            yield from items(table, text)
        elif kind != "table":
            yield f"{kind} {name}", table, text.replace('"', "")


def items(table: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the columns and constraints in the text of a table."""
    for item in rebuild.split(text)[0]:
        words = " ".join(item.split())
        if no_column := NO_COLUMN.match(words):
            kind = "index" if no_column[1] else "constraint"
            name = no_column[3] if no_column[1] or no_column[2] else f"of {table}: {words}"
            yield f"{kind} {name}", table, words
        else:
            yield f"column {table}.{rebuild.first(words)}", table, words
