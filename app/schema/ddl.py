"""The operations that revisions call, so that each is done once and alike on three engines.

MariaDB commits on the way: a run that broke off there finds its first steps done already. So
each operation looks before it acts, and a revision can be run again from its start.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from app.schema import indexes, kept, rebuild
from app.schema.engine import (
    alter,
    brief,
    columns_of,
    dialect,
    done,
    inspector,
    is_script,
    names,
    note,
    quoted,
)
from app.schema.tighten import add_foreign_key, drop_foreign_key, drop_not_null, set_not_null, widen
from app.schema.triggers import create_staleness_trigger, drop_staleness_trigger

__all__ = [
    "add_foreign_key",
    "create_staleness_trigger",
    "drop_foreign_key",
    "drop_not_null",
    "drop_staleness_trigger",
    "note",
    "set_not_null",
    "widen",
]

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
        op.get_context().opts.setdefault("made", set()).add(name)
    kept.give_back_table(name)


def drop_table(name: str, *, secret: bool = False) -> None:
    """Drop the table and its indexes; a downgrade keeps its rows aside unless they are secret."""
    if not done(lambda inspector: not inspector.has_table(name)):
        if not secret:
            kept.put_aside_table(name)
        op.drop_table(name)


def add_row(table: str, values: dict[str, str], **queries: str) -> None:
    """Add one row that the code counts on, unless it is there; `queries` name values to look up."""
    given = {quoted(name): f"'{value}'" for name, value in values.items()}
    given |= {quoted(name): f"({query})" for name, query in queries.items()}
    same = " AND ".join(f"{name} = {value}" for name, value in given.items())
    columns, selected = ", ".join(given), ", ".join(given.values())
    is_there = f"SELECT 1 FROM {quoted(table)} WHERE {same}"
    op.execute(
        f"INSERT INTO {quoted(table)} ({columns}) SELECT {selected} WHERE NOT EXISTS ({is_there})"
    )


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that the running release need not know: nullable, or with a constant default."""
    if column.name not in columns_of(table):
        if dialect() == "mariadb" and not column.foreign_keys:
            words = sa.schema.CreateColumn(column).compile(dialect=op.get_context().dialect)
            alter(table, f"ADD COLUMN {words}".replace("%%", "%"))
        else:
            with brief():
                op.add_column(table, column)
    kept.give_back_column(table, column.name)


def drop_column(table: str, column: str, *, erase: bool = False, secret: bool = False) -> None:
    """Drop the column, and the indexes and keys it is in; a downgrade keeps what it held aside.

    With `erase` also from the files, as far as the engine lets us: what logs, backups and free
    blocks of the disk still hold is beyond any engine's reach. What is `secret` is never kept.
    """
    if done(lambda inspector: column not in names(inspector.get_columns(table))):
        return
    if not (erase or secret):
        kept.put_aside_column(table, column)
    for foreign in [] if is_script() else inspector().get_foreign_keys(table):
        if column in foreign["constrained_columns"]:
            drop_foreign_key(str(foreign["name"]), table)
    for index in [] if is_script() else inspector().get_indexes(table):
        if column in index["column_names"]:
            drop_index(str(index["name"]), table)
    if dialect() == "mariadb":
        # FORCE writes the table anew, without what was in the column.
        drop = f"DROP COLUMN {quoted(column)}"
        op.execute(f"ALTER TABLE {quoted(table)} {drop}, FORCE") if erase else alter(table, drop)
        return
    with brief():
        op.drop_column(table, column)  # SQLite writes zeros over it: every run sets secure_delete
    if erase and dialect() == "postgresql":
        # Only hidden until the table is written anew; VACUUM FULL would want no transaction.
        key = "" if is_script() else inspector().get_pk_constraint(table)["name"]
        op.execute(f"CLUSTER {quoted(table)} USING {quoted(key or f'pk_{table}')}")
        op.execute(f"ALTER TABLE {quoted(table)} SET WITHOUT CLUSTER")


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    """Create the index without making writers wait, where the engine can.

    A unique one on a column that is new and empty, or in a contract; over duplicates it is
    refused, naming ten of them.
    """

    def stands(inspector: sa.Inspector) -> bool:
        found = inspector.get_indexes(table)
        return (name, columns, unique) in [
            (index["name"], index["column_names"], bool(index["unique"])) for index in found
        ]

    indexes.drop_invalid(name)
    if not done(stands):
        indexes.build(name, table, columns, unique=unique)


def create_unique_index(name: str, table: str, columns: list[str]) -> None:
    """Create a unique index over rows that are there, or name the first ten duplicates."""
    create_index(name, table, columns, unique=True)


def drop_index(name: str, table_name: str) -> None:
    """Drop the index."""
    if not done(lambda inspector: name not in names(inspector.get_indexes(table_name))):
        if dialect() == "mariadb":
            alter(table_name, f"DROP INDEX {quoted(name)}", "NOCOPY")
        else:
            with brief():
                op.drop_index(name, table_name)


def adopt_table(table: str, *, unique: dict[str, list[str]]) -> None:
    """Give a table that another hand made what ours have: ids, collation, these unique indexes."""
    if is_script():
        return
    charset, collation = TABLE_OPTIONS["mariadb_charset"], TABLE_OPTIONS["mariadb_collate"]
    has = inspector().get_table_options(table).get("mariadb_collate")
    if dialect() == "mariadb" and has != collation:
        convert = f"CONVERT TO CHARACTER SET {charset} COLLATE {collation}"
        op.execute(f"ALTER TABLE {quoted(table)} {convert}")
    if dialect() == "sqlite" and "AUTOINCREMENT" not in rebuild.catalogue()["table", table]:
        # SQLite cannot alter this: here alone a table is written anew in place of the old one.
        with op.batch_alter_table(table, recreate="always", table_kwargs=TABLE_OPTIONS):
            pass
    for name, columns in unique.items():
        create_index(name, table, columns, unique=True)
