"""The operations that revisions call, so that each is done once and alike on three engines.

MariaDB commits on the way: a run that broke off there finds its first steps done already. So
each operation looks before it acts, and a revision can be run again from its start.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from app.schema import engine, indexes, kept, rebuild
from app.schema.engine import note as note
from app.schema.tighten import add_foreign_key as add_foreign_key
from app.schema.tighten import drop_foreign_key as drop_foreign_key
from app.schema.tighten import drop_not_null as drop_not_null
from app.schema.tighten import set_not_null as set_not_null
from app.schema.tighten import widen as widen
from app.schema.triggers import carry_back as carry_back
from app.schema.triggers import create_staleness_trigger as create_staleness_trigger
from app.schema.triggers import drop_staleness_trigger as drop_staleness_trigger
from app.schema.triggers import end_step as end_step
from app.schema.triggers import keep_in_step as keep_in_step

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
    if wanted != engine.columns_of(name):
        op.create_table(name, *items, **TABLE_OPTIONS | options)
        op.get_context().opts.setdefault("made", set()).add(name)
    kept.give_back_table(name)


def drop_table(name: str, *, secret: bool = False) -> None:
    """Drop the table and its indexes; a downgrade keeps its rows aside unless they are secret."""
    if not engine.done(lambda inspector: not inspector.has_table(name)):
        if not secret:
            kept.put_aside_table(name)
        op.drop_table(name)


def add_row(table: str, values: dict[str, str], **queries: str) -> None:
    """Add one row that the code counts on, unless it is there; `queries` name values to look up."""
    given = {engine.quoted(name): f"'{value}'" for name, value in values.items()}
    given |= {engine.quoted(name): f"({query})" for name, query in queries.items()}
    same = " AND ".join(f"{name} = {value}" for name, value in given.items())
    columns, selected = ", ".join(given), ", ".join(given.values())
    is_there = f"SELECT 1 FROM {engine.quoted(table)} WHERE {same}"
    row = f"SELECT {selected} WHERE NOT EXISTS ({is_there})"
    op.execute(f"INSERT INTO {engine.quoted(table)} ({columns}) {row}")


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that the running release need not know: nullable, or with a constant default.

    A foreign key that it names is added as by `add_foreign_key`, and goes with the column.
    """
    if column.name not in engine.columns_of(table):
        if engine.dialect() == "mariadb":
            dialect = op.get_context().dialect
            words = str(sa.schema.CreateColumn(column).compile(dialect=dialect))
            engine.alter(table, f"ADD COLUMN {engine.undoubled(words, dialect)}")
        else:
            # Alembic's operation would add the keys too, checking all rows while everybody waits.
            add = op.get_context().impl.add_column if column.foreign_keys else op.add_column
            with engine.brief():
                add(table, column)
    kept.give_back_column(table, column.name)
    for key in column.foreign_keys:
        parent, theirs = key.target_fullname.rsplit(".", 1)
        name = str(key.name or engine.short(f"fk_{table}_{column.name}_{parent}"))
        does = {"ondelete": key.ondelete, "onupdate": key.onupdate}
        add_foreign_key(name, table, [column.name], parent, [theirs], **does)


def drop_column(table: str, column: str, *, erase: bool = False, secret: bool = False) -> None:
    """Drop the column, and the indexes and keys it is in; a downgrade keeps what it held aside.

    With `erase` also from the files, as far as the engine lets us: what logs, backups and free
    blocks of the disk still hold is beyond any engine's reach. What is `secret` is never kept.
    """
    if engine.done(lambda inspector: column not in engine.names(inspector.get_columns(table))):
        return
    if not (erase or secret):
        kept.put_aside_column(table, column)
    for foreign in [] if engine.is_script() else engine.inspector().get_foreign_keys(table):
        if column in foreign["constrained_columns"] and foreign["name"]:
            drop_foreign_key(str(foreign["name"]), table)
    for index in [] if engine.is_script() else engine.inspector().get_indexes(table):
        if column in index["column_names"]:
            drop_index(str(index["name"]), table)
    if engine.dialect() == "mariadb":
        # FORCE writes the table anew, without what was in the column.
        drop, begin = f"DROP COLUMN {engine.quoted(column)}", f"ALTER TABLE {engine.quoted(table)}"
        op.execute(f"{begin} {drop}, FORCE") if erase else engine.alter(table, drop)
        return
    with engine.brief():
        op.drop_column(table, column)  # SQLite writes zeros over it: every run sets secure_delete
    if erase and engine.dialect() == "postgresql":
        # Only hidden until the table is written anew; VACUUM FULL would want no transaction.
        key = "" if engine.is_script() else engine.inspector().get_pk_constraint(table)["name"]
        op.execute(f"CLUSTER {engine.quoted(table)} USING {engine.quoted(key or f'pk_{table}')}")
        op.execute(f"ALTER TABLE {engine.quoted(table)} SET WITHOUT CLUSTER")


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
    if not engine.done(stands):
        indexes.build(name, table, columns, unique=unique)


def create_unique_index(name: str, table: str, columns: list[str]) -> None:
    """Create a unique index over rows that are there, or name the first ten duplicates."""
    create_index(name, table, columns, unique=True)


def drop_index(name: str, table_name: str) -> None:
    """Drop the index."""
    if not engine.done(lambda i: name not in engine.names(i.get_indexes(table_name))):
        if engine.dialect() == "mariadb":
            engine.alter(table_name, f"DROP INDEX {engine.quoted(name)}", "NOCOPY")
        else:
            with engine.brief():
                op.drop_index(name, table_name)


def adopt_table(table: str, *, unique: dict[str, list[str]]) -> None:
    """Give a table that another hand made what ours have: ids, collation, these unique indexes."""
    if engine.is_script():
        return
    charset, collation = TABLE_OPTIONS["mariadb_charset"], TABLE_OPTIONS["mariadb_collate"]
    if engine.dialect() == "sqlite":
        rebuild.adopt(table)
    elif engine.inspector().get_table_options(table).get("mariadb_collate", collation) != collation:
        convert = f"CONVERT TO CHARACTER SET {charset} COLLATE {collation}"
        op.execute(f"ALTER TABLE {engine.quoted(table)} {convert}")
    for name, columns in unique.items():
        create_index(name, table, columns, unique=True)
