"""The operations that revisions call, so that each is done once and alike on three engines.

MariaDB commits on the way: a run that broke off there finds its first steps done already. So
each operation looks before it acts, and a revision can be run again from its start.
"""

import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

log = logging.getLogger(__name__)

# Ids are never reused, and strings compare byte for byte, on all three engines.
TABLE_OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}


def timestamp() -> TypeEngine[Any]:
    """A moment in UTC, to the microsecond."""
    return sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def key(length: int) -> TypeEngine[str]:
    """A string that is looked up and ranged over byte by byte, whatever the server's locale."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def big_id() -> TypeEngine[int]:
    """A 64-bit id that counts up."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def create_table(name: str, *items: sa.schema.SchemaItem, **options: Any) -> None:
    """Create the table with its columns and named constraints."""
    wanted = {item.name for item in items if isinstance(item, sa.Column)}
    if wanted != columns_of(name):
        op.create_table(name, *items, **TABLE_OPTIONS | options)


def drop_table(name: str) -> None:
    """Drop the table, its rows and its indexes."""
    if not done(lambda inspector: not inspector.has_table(name)):
        op.drop_table(name)


def add_row(table: str, values: dict[str, str], **queries: str) -> None:
    """Add one row that the code counts on, unless it is there; `queries` name values to look up."""
    given = {quoted(name): f"'{value}'" for name, value in values.items()}
    given |= {quoted(name): f"({query})" for name, query in queries.items()}
    same = " AND ".join(f"{name} = {value}" for name, value in given.items())
    columns, selected = ", ".join(given), ", ".join(given.values())
    is_there = f"SELECT 1 FROM {quoted(table)} WHERE {same}"  # noqa: S608 - constants of a revision
    op.execute(
        f"INSERT INTO {quoted(table)} ({columns}) SELECT {selected} WHERE NOT EXISTS ({is_there})"
    )


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that the running release need not know: nullable, or with a constant default."""
    if column.name not in columns_of(table):
        op.add_column(table, column)


def drop_column(table: str, column: str, *, erase: bool = False) -> None:
    """Drop the column; with `erase`, also from the files, as far as the engine lets us.

    What logs, backups and free blocks of the disk still hold is beyond any engine's reach.
    """
    if done(lambda inspector: column not in names(inspector.get_columns(table))):
        return
    if erase and dialect() == "mariadb":
        # One statement, which writes the table anew without the column.
        op.execute(f"ALTER TABLE {quoted(table)} DROP COLUMN {quoted(column)}, FORCE")
        return
    op.drop_column(table, column)  # SQLite writes zeros over it: every run sets secure_delete
    if erase and dialect() == "postgresql":
        # Only hidden until the table is written anew; VACUUM FULL would want no transaction.
        op.execute(f"CLUSTER {quoted(table)} USING {quoted(primary_key_of(table))}")
        op.execute(f"ALTER TABLE {quoted(table)} SET WITHOUT CLUSTER")


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    """Create the index; a unique one on a column that is new and empty, or in a contract."""
    wanted = {"name": name, "column_names": columns, "unique": unique}
    if not done(lambda inspector: wanted in [index_of(i) for i in inspector.get_indexes(table)]):
        op.create_index(name, table, columns, unique=unique)


def drop_index(name: str, table_name: str) -> None:
    """Drop the index."""
    if not done(lambda inspector: name not in names(inspector.get_indexes(table_name))):
        op.drop_index(name, table_name)


def create_staleness_trigger(table: str, *, source: str, derived: str) -> None:
    """Empty `derived` whenever a release that does not know it writes `source` alone.

    Otherwise what was derived from the old value would outlive it; a backfill fills it again.
    """
    drop_staleness_trigger(table, derived=derived)
    words = {"trigger": f"tr_{table}_{derived}", "table": table, "source": source}
    words = {word: quoted(name) for word, name in (words | {"derived": derived}).items()}
    for statement in STALENESS[dialect()]:
        op.execute(statement.format(**words))


def drop_staleness_trigger(table: str, *, derived: str) -> None:
    """Drop the trigger of `create_staleness_trigger`."""
    trigger = quoted(f"tr_{table}_{derived}")
    if dialect() == "postgresql":
        op.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {quoted(table)}")
        op.execute(f"DROP FUNCTION IF EXISTS {trigger}()")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}")


STALENESS = {
    "sqlite": [
        "CREATE TRIGGER {trigger} AFTER UPDATE OF {source} ON {table} "
        "WHEN NEW.{source} IS NOT OLD.{source} AND NEW.{derived} IS OLD.{derived} "
        "BEGIN UPDATE {table} SET {derived} = NULL WHERE rowid = NEW.rowid; END"
    ],
    "postgresql": [
        "CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.{derived} := NULL; RETURN NEW; END'",
        "CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW "
        "WHEN (NEW.{source} IS DISTINCT FROM OLD.{source} "
        "AND NEW.{derived} IS NOT DISTINCT FROM OLD.{derived}) EXECUTE FUNCTION {trigger}()",
    ],
    "mariadb": [
        "CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.{derived} = "
        "IF(NOT NEW.{source} <=> OLD.{source} AND NEW.{derived} <=> OLD.{derived}, "
        "NULL, NEW.{derived})"
    ],
}


def adopt_table(table: str, *, unique: dict[str, list[str]]) -> None:
    """Give a table that another hand made what ours have: ids, collation, these unique indexes."""
    if op.get_context().as_sql:
        return
    if dialect() == "mariadb" and collation_of(table) != TABLE_OPTIONS["mariadb_collate"]:
        charset, collation = TABLE_OPTIONS["mariadb_charset"], TABLE_OPTIONS["mariadb_collate"]
        convert = f"CONVERT TO CHARACTER SET {charset} COLLATE {collation}"
        op.execute(f"ALTER TABLE {quoted(table)} {convert}")
    if dialect() == "sqlite" and not counts_up(table):
        # SQLite cannot alter this: here alone a table is written anew in place of the old one.
        with op.batch_alter_table(table, recreate="always", table_kwargs=TABLE_OPTIONS):
            pass
    for name, columns in unique.items():
        create_index(name, table, columns, unique=True)


def collation_of(table: str) -> str | None:
    return inspector().get_table_options(table).get("mariadb_collate")


def counts_up(table: str) -> bool:
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    return "AUTOINCREMENT" in op.get_bind().execute(query, {"table": table}).scalar_one()


def note(text: str) -> None:
    """Tell the operator what the statements do not say."""
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(f"-- {text}")
    else:
        log.warning(text)


def dialect() -> str:
    return op.get_context().dialect.name


def inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())


def done(stands: Callable[[sa.Inspector], bool]) -> bool:
    """Whether the database says that this step was taken; a script without one cannot ask."""
    return not op.get_context().as_sql and stands(inspector())


def columns_of(table: str) -> set[str]:
    if op.get_context().as_sql or not inspector().has_table(table):
        return set()
    return names(inspector().get_columns(table))


def names(reflected: list[Any]) -> set[str]:
    return {item["name"] for item in reflected}


def index_of(reflected: Any) -> dict[str, Any]:
    return {name: reflected[name] for name in ("name", "column_names")} | {
        "unique": bool(reflected["unique"])
    }


def primary_key_of(table: str) -> str:
    if op.get_context().as_sql:
        return f"pk_{table}"
    return inspector().get_pk_constraint(table)["name"] or f"pk_{table}"


def quoted(name: str) -> str:
    return op.get_context().dialect.identifier_preparer.quote(name)
