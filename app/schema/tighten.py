"""What makes a table stricter, or less so: NOT NULL, foreign keys and lengths over rows.

What is stricter is checked while people write, and enforced in a moment. What stands in the way
is named.
"""

import functools
import re
from collections.abc import Callable
from contextlib import suppress

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from app.schema import kept, rebuild
from app.schema.engine import (
    NAMED,
    alter,
    autocommitted,
    brief,
    dialect,
    done,
    execute,
    fetch,
    first_of,
    inspector,
    is_callers,
    is_script,
    keys_of,
    listed,
    names,
    note,
    quoted,
)

NATIVE_SQLITE = (3, 53)  # from here on it can alter a column in place

# A MODIFY says all that a column is, or MariaDB forgets it.
AS_IT_IS = """SELECT CONCAT({kind},
  IF(COLLATION_NAME IS NULL, '', CONCAT(' COLLATE ', COLLATION_NAME)), ' ', {null},
  IF(COALESCE(COLUMN_DEFAULT, 'NULL') = 'NULL', '', CONCAT(' DEFAULT ', COLUMN_DEFAULT)),
  IF(EXTRA LIKE 'on update%', CONCAT(' ', EXTRA), ''),
  IF(COLUMN_COMMENT = '', '', CONCAT(' COMMENT ', QUOTE(COLUMN_COMMENT))),
  COALESCE((SELECT CONCAT(' CHECK (', CHECK_CLAUSE, ')') FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = TABLE_SCHEMA AND LEVEL = 'Column' AND TABLE_NAME = '{table}'
    AND CONSTRAINT_NAME = '{column}'), '')) AS words
FROM information_schema.columns
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' AND COLUMN_NAME = '{column}'"""


class InTheWay(RuntimeError):
    """Rows break the rule that is to hold from now on; nothing was changed."""


def set_not_null(table: str, column: str) -> None:
    """Let no row be without it from now on, or raise InTheWay."""
    if done(lambda inspector: not is_nullable(table, column)):
        return
    refuse_empty(table, column)
    enforce = {"postgresql": checked_first, "mariadb": modify, "sqlite": on_sqlite}[dialect()]
    try:
        enforce(table, column, "NOT NULL")
    except DBAPIError:
        if not is_callers():
            refuse_empty(table, column)  # somebody was quicker
        raise


def drop_not_null(table: str, column: str) -> None:
    """Let rows be without it again."""
    if done(lambda inspector: is_nullable(table, column)):
        return
    if dialect() == "postgresql":
        with brief():
            execute(f"ALTER TABLE {quoted(table)} ALTER {quoted(column)} DROP NOT NULL")
    else:
        (modify if dialect() == "mariadb" else on_sqlite)(table, column, "NULL")


def is_nullable(table: str, column: str) -> bool:
    columns = {each["name"]: each for each in inspector().get_columns(table)}
    return columns[column]["nullable"]


def refuse_empty(table: str, column: str) -> None:
    if is_script():
        return
    key = quoted(keys_of(table)[0])
    refuse(
        f"SELECT {key} FROM {quoted(table)} WHERE {quoted(column)} IS NULL",
        f"{table}.{column} is empty in rows {{}}. Fill them, with `flask db backfill` if it has "
        "one, then run the command again. Nothing was changed.",
    )


def refuse(query: str, sentence: str) -> None:
    rows = [str(row[0]) for row in fetch(f"{query} LIMIT {NAMED + 1}")]
    if rows:
        raise InTheWay(sentence.format(first_of(rows, ", ")))


def checked_first(table: str, column: str, null: str) -> None:
    """On PostgreSQL, check in a constraint that is validated without a lock, then believe it."""
    begin, c = f"ALTER TABLE {quoted(table)}", quoted(column)
    if is_callers():
        execute(f"{begin} ALTER {c} SET {null}")
        return
    check = quoted(f"ck_{table}_{column}_there")
    with autocommitted():
        try:
            with brief():
                again = f"DROP CONSTRAINT IF EXISTS {check}, ADD CONSTRAINT {check}"
                execute(f"{begin} {again} CHECK ({c} IS NOT NULL) NOT VALID")
            execute(f"{begin} VALIDATE CONSTRAINT {check}")
            with brief():
                # In one ALTER the check would be dropped first, and all rows be read once more.
                execute(f"{begin} ALTER {c} SET {null}; {begin} DROP CONSTRAINT {check}")
        except BaseException:
            # The release that runs must not be held to what is not decided.
            with suppress(DBAPIError):
                execute(f"{begin} DROP CONSTRAINT IF EXISTS {check}")
            raise


def modify(table: str, column: str, null: str = "", kind: str = "") -> None:
    null = f"'{null}'" if null else "IF(IS_NULLABLE = 'YES', 'NULL', 'NOT NULL')"
    kind = f"'{kind}'" if kind else "COLUMN_TYPE"
    query = AS_IT_IS.format(kind=kind, null=null, table=table, column=column)
    if not is_script():
        [row] = fetch(query)
        alter(table, f"MODIFY {quoted(column)} {row.words}")
        return
    begin = f"ALTER TABLE {quoted(table)} MODIFY {quoted(column)} "
    execute(f"SET @change = CONCAT('{begin}', ({query}), ', ALGORITHM=INPLACE, LOCK=NONE')")
    execute("PREPARE change_of_column FROM @change")
    execute("EXECUTE change_of_column")


def on_sqlite(table: str, column: str, null: str) -> None:
    if is_script() or (op.get_context().dialect.server_version_info or ()) >= NATIVE_SQLITE:
        verb = "SET" if null == "NOT NULL" else "DROP"
        execute(f"ALTER TABLE {quoted(table)} ALTER COLUMN {quoted(column)} {verb} NOT NULL")
    else:
        rebuild.require(table, column, notnull=null == "NOT NULL")


def add_foreign_key(
    name: str,
    table: str,
    columns: list[str],
    referred: str,
    referred_columns: list[str],
    *,
    ondelete: str | None = None,
) -> None:
    """Let these columns point at rows that are there, from now on, or raise InTheWay."""
    pairs = zip(columns, referred_columns, strict=True)
    same = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(ours)}" for ours, theirs in pairs)
    orphans = (
        f"SELECT {listed(columns[:1], 'c.')} FROM {quoted(table)} c WHERE "
        + " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in columns)
        + f" AND NOT EXISTS (SELECT 1 FROM {quoted(referred)} p WHERE {same})"
    )
    clause = (
        f"CONSTRAINT {quoted(name)} FOREIGN KEY ({listed(columns)}) REFERENCES "
        f"{quoted(referred)} ({listed(referred_columns)})"
        + (f" ON DELETE {ondelete}" if ondelete else "")
    )

    def refuse_orphans() -> None:
        said = f"Rows of {table} point at {', '.join(columns)} {{}}, and {referred} has none such."
        if not is_script():
            refuse(orphans, f"{said} Mend them, then run the command again.")
        elif dialect() == "mariadb":
            note(f"This must find no row: {orphans}")

    if not done(lambda inspector: name in names(inspector.get_foreign_keys(table))):
        refuse_orphans()
        FOREIGN_KEY[dialect()](table, name, clause, refuse_orphans)
    if dialect() == "postgresql":
        with autocommitted():
            execute(f"ALTER TABLE {quoted(table)} VALIDATE CONSTRAINT {quoted(name)}")


def not_valid_first(table: str, name: str, clause: str, refuse_orphans: Callable[[], None]) -> None:
    with autocommitted(), brief():
        execute(f"ALTER TABLE {quoted(table)} ADD {clause} NOT VALID")


def unchecked(table: str, name: str, clause: str, refuse_orphans: Callable[[], None]) -> None:
    """On MariaDB, only a key that it is told not to check is added without copying the table."""
    execute("SET SESSION foreign_key_checks = 0")
    try:
        alter(table, f"ADD {clause}")
    finally:
        execute("SET SESSION foreign_key_checks = 1")
    try:
        refuse_orphans()  # one may have slipped in
    except InTheWay:
        drop_foreign_key(name, table)
        raise


def in_its_text(table: str, name: str, clause: str, refuse_orphans: Callable[[], None]) -> None:
    rebuild.rebuild(table, lambda items: [*items, f"\n\t{clause}"])


FOREIGN_KEY = {"postgresql": not_valid_first, "mariadb": unchecked, "sqlite": in_its_text}


def drop_foreign_key(name: str, table: str) -> None:
    """Let the columns of this key hold what they like again."""
    if done(lambda inspector: name not in names(inspector.get_foreign_keys(table))):
        return
    kept.remember_keys(table)
    if dialect() == "sqlite":
        rebuild.rebuild(table, lambda items: rebuild.without_constraint(items, name))
    else:
        kind = "FOREIGN KEY" if dialect() == "mariadb" else "CONSTRAINT"
        with brief():
            execute(f"ALTER TABLE {quoted(table)} DROP {kind} {quoted(name)}")


def widen(table: str, column: str, kind: sa.String) -> None:
    """Let the strings of this column be as long as in this type, which is its own but for that.

    Over rows, MariaDB cannot take it from 32 to 63 characters to more than that.
    """
    if done(lambda inspector: length_of(inspector, table, column) >= (kind.length or 0)):
        return
    if dialect() == "postgresql":
        words = kind.compile(dialect=op.get_context().dialect)
        with brief():
            execute(f"ALTER TABLE {quoted(table)} ALTER {quoted(column)} TYPE {words}")
    elif dialect() == "mariadb":
        modify(table, column, kind=f"varchar({kind.length})")
    else:
        begin = rf"""\A(\s*["`[]?{re.escape(column)}\W+\w*CHAR\w*\s*\()\d+"""
        longer = functools.partial(re.compile(begin, re.IGNORECASE).sub, rf"\g<1>{kind.length}")
        rebuild.edit(table, lambda items: [longer(item) for item in items], "column")


def length_of(inspector: sa.Inspector, table: str, column: str) -> float:
    types = {each["name"]: each["type"] for each in inspector.get_columns(table)}
    return getattr(types[column], "length", None) or float("inf")
