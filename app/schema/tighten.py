"""What makes a table stricter, or less so: NOT NULL, foreign keys and lengths over rows.

Each is checked while people write, and done in a moment. What stands in the way is named.
"""

from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.schema import engine, kept, rebuild

NATIVE_SQLITE = (3, 53)  # from here on it can alter a column in place

# A MODIFY says all that a column is, or MariaDB forgets it.
AS_IT_IS = """SELECT CONCAT({kind},
  IF(COLLATION_NAME IS NULL, '', CONCAT(' COLLATE ', COLLATION_NAME)), ' ', {null},
  IF(COALESCE(COLUMN_DEFAULT, 'NULL') = 'NULL', '', CONCAT(' DEFAULT ', COLUMN_DEFAULT)),
  IF(EXTRA LIKE '%GENERATED%', NULL, CONCAT(' ', REPLACE(EXTRA, ',', ''))),
  IF(COLUMN_COMMENT = '', '', CONCAT(' COMMENT ', QUOTE(COLUMN_COMMENT))),
  COALESCE((SELECT CONCAT(' CHECK (', CHECK_CLAUSE, ')') FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = TABLE_SCHEMA AND LEVEL = 'Column' AND TABLE_NAME = '{table}'
    AND CONSTRAINT_NAME = '{column}'), '')) AS words
FROM information_schema.columns
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' AND COLUMN_NAME = '{column}'"""


def set_not_null(table: str, column: str) -> None:
    """Let no row be without it from now on, or raise Refused."""
    if engine.done(lambda inspector: not is_nullable(table, column)):
        return
    refuse_empty(table, column)
    try:
        MAKE[engine.dialect()](table, column, "NOT NULL")
    except DBAPIError:
        if not engine.is_callers():
            refuse_empty(table, column)  # somebody was quicker
        raise


def drop_not_null(table: str, column: str) -> None:
    """Let rows be without it again."""
    if not engine.done(lambda inspector: is_nullable(table, column)):
        MAKE[engine.dialect()](table, column, "NULL")


def is_nullable(table: str, column: str) -> bool:
    columns = {each["name"]: each for each in engine.inspector().get_columns(table)}
    return columns[column]["nullable"]


def refuse_empty(table: str, column: str) -> None:
    if engine.is_script():
        return
    key = engine.quoted(engine.keys_of(table)[0])
    refuse(
        f"SELECT {key} FROM {engine.quoted(table)} WHERE {engine.quoted(column)} IS NULL",
        f"{table}.{column} is empty in rows {{}}. Fill them, with `flask db backfill` if it has "
        "one, then run the command again.",
    )


def refuse(query: str, sentence: str) -> None:
    rows = [str(row[0]) for row in engine.fetch(f"{query} LIMIT {engine.NAMED + 1}")]
    if rows:
        raise engine.Refused(sentence.format(engine.first_of(rows, ", ")))


def on_postgresql(table: str, column: str, null: str) -> None:
    """Check in a constraint that is validated without a lock, then believe it."""
    begin, c = f"ALTER TABLE {engine.quoted(table)}", engine.quoted(column)
    if null == "NULL" or engine.is_callers():
        with engine.brief():
            engine.execute(f"{begin} ALTER {c} {'DROP' if null == 'NULL' else 'SET'} NOT NULL")
        return
    check = engine.quoted(engine.short(f"ck_{table}_{column}_there"))
    with engine.autocommitted():
        try:
            with engine.brief():
                again = f"DROP CONSTRAINT IF EXISTS {check}, ADD CONSTRAINT {check}"
                engine.execute(f"{begin} {again} CHECK ({c} IS NOT NULL) NOT VALID")
            engine.execute(f"{begin} VALIDATE CONSTRAINT {check}")
            with engine.brief():
                # In one ALTER the check would be dropped first, and all rows be read once more.
                engine.execute(f"{begin} ALTER {c} SET NOT NULL; {begin} DROP CONSTRAINT {check}")
        except BaseException:
            # The release that runs must not be held to what is not decided.
            with suppress(DBAPIError):
                engine.execute(f"{begin} DROP CONSTRAINT IF EXISTS {check}")
            raise


def modify(table: str, column: str, null: str = "", kind: str = "") -> None:
    null = f"'{null}'" if null else "IF(IS_NULLABLE = 'YES', 'NULL', 'NOT NULL')"
    kind = f"'{kind}'" if kind else "COLUMN_TYPE"
    query = AS_IT_IS.format(kind=kind, null=null, table=table, column=column)
    if not engine.is_script():
        [row] = engine.fetch(query)
        if row.words is None:
            raise engine.Refused(f"{table}.{column} is generated, and MariaDB would forget how.")
        engine.alter(table, f"MODIFY {engine.quoted(column)} {row.words}")
        return
    begin = f"ALTER TABLE {engine.quoted(table)} MODIFY {engine.quoted(column)} "
    engine.execute(f"SET @change = CONCAT('{begin}', ({query}), ', ALGORITHM=INPLACE, LOCK=NONE')")
    engine.execute("PREPARE change_of_column FROM @change")
    engine.execute("EXECUTE change_of_column")


def on_sqlite(table: str, column: str, null: str) -> None:
    if engine.is_script() or (op.get_context().dialect.server_version_info or ()) >= NATIVE_SQLITE:
        verb, c = "DROP" if null == "NULL" else "SET", engine.quoted(column)
        engine.execute(f"ALTER TABLE {engine.quoted(table)} ALTER COLUMN {c} {verb} NOT NULL")
        return
    change = rebuild.free if null == "NULL" else rebuild.required
    rebuild.edit(table, rebuild.of_column(column, change), f"NOT NULL {column}")


MAKE = {"postgresql": on_postgresql, "mariadb": modify, "sqlite": on_sqlite}


def add_foreign_key(
    name: str,
    table: str,
    columns: list[str],
    referred: str,
    referred_columns: list[str],
    *,
    ondelete: str | None = None,
    onupdate: str | None = None,
) -> None:
    """Let these columns point at rows that are there, from now on, or raise Refused."""
    clause = (
        f"CONSTRAINT {engine.quoted(name)} FOREIGN KEY ({engine.listed(columns)}) REFERENCES "
        f"{engine.quoted(referred)} ({engine.listed(referred_columns)})"
        + (f" ON DELETE {ondelete}" if ondelete else "")
        + (f" ON UPDATE {onupdate}" if onupdate else "")
    )
    pairs = columns, referred, referred_columns
    if not engine.done(lambda inspector: name in engine.names(inspector.get_foreign_keys(table))):
        refuse_orphans(table, *pairs)
        if engine.dialect() == "sqlite":
            rebuild.edit(table, lambda items: [*items, f"\n\t{clause}"], "key")
        elif engine.dialect() == "mariadb":
            # Only a key that it is told not to check is added without copying the table.
            engine.execute("SET SESSION foreign_key_checks = 0")
            try:
                engine.alter(table, f"ADD {clause}")
            finally:
                engine.execute("SET SESSION foreign_key_checks = 1")
        else:
            with engine.autocommitted(), engine.brief():
                engine.execute(f"ALTER TABLE {engine.quoted(table)} ADD {clause} NOT VALID")
    confirm(name, table, *pairs)


def confirm(name: str, table: str, *pairs: Any) -> None:
    """See that no row came between the look and the key, in this run or one that broke off."""
    validate = f"ALTER TABLE {engine.quoted(table)} VALIDATE CONSTRAINT {engine.quoted(name)}"
    try:
        if engine.dialect() == "postgresql":
            with engine.autocommitted():
                engine.execute(validate)
        elif engine.dialect() == "mariadb":
            refuse_orphans(table, *pairs)
    except (IntegrityError, engine.Refused):
        if engine.dialect() == "mariadb" or not engine.is_callers():
            with engine.autocommitted():
                drop_foreign_key(name, table)
            refuse_orphans(table, *pairs)
        raise


def refuse_orphans(table: str, columns: list[str], referred: str, theirs: list[str]) -> None:
    ours, keys = map(engine.quoted, columns), map(engine.quoted, theirs)
    pairs = list(zip(ours, keys, strict=True))
    orphans = (
        f"SELECT DISTINCT {engine.listed(columns[:1], 'c.')} FROM {engine.quoted(table)} c WHERE "
        + " AND ".join(f"c.{our} IS NOT NULL" for our, _ in pairs)
        + f" AND NOT EXISTS (SELECT 1 FROM {engine.quoted(referred)} p WHERE "
        + " AND ".join(f"p.{key} = c.{our}" for our, key in pairs)
        + ")"
    )
    if not engine.is_script():
        said = f"Rows of {table} point at {', '.join(columns)} {{}}, and {referred} has none such."
        refuse(orphans, f"{said} Mend them, then run the command again.")
    elif engine.dialect() == "mariadb":
        engine.note(f"This must find no row: {orphans}")


def drop_foreign_key(name: str, table: str) -> None:
    """Let the columns of this key hold what they like again."""
    kept.remember_keys(table)
    if engine.dialect() == "sqlite":
        rebuild.edit(table, lambda items: rebuild.without_key(items, name), "key")
    elif not engine.done(lambda i: name not in engine.names(i.get_foreign_keys(table))):
        kind = "FOREIGN KEY" if engine.dialect() == "mariadb" else "CONSTRAINT"
        with engine.brief():
            engine.execute(f"ALTER TABLE {engine.quoted(table)} DROP {kind} {engine.quoted(name)}")


def widen(table: str, column: str, kind: sa.String) -> None:
    """Let the strings of this column be as long as in this type, which is its own but for that.

    Over rows, MariaDB cannot take it from 32 to 63 characters to more than that.
    """

    def stands(inspector: sa.Inspector) -> bool:
        types = {each["name"]: each["type"] for each in inspector.get_columns(table)}
        return (kind.length or 0) <= (getattr(types[column], "length", None) or float("inf"))

    if engine.done(stands):
        return
    if engine.dialect() == "postgresql":
        with engine.brief():
            op.alter_column(table, column, type_=kind)
    elif engine.dialect() == "mariadb":
        modify(table, column, kind=f"varchar({kind.length})")
    else:
        longer = partial(rebuild.longer, length=kind.length)
        rebuild.edit(table, rebuild.of_column(column, longer), "column")
