"""What a downgrade takes away is put aside, and given back by the next upgrade.

In tables of their own, `_kept_<revision>_<table>`, for thirty days. What is secret or derived is
the exception: by then it may be wrong, and a wrong hash opens a door, as does a token that was
ended meanwhile. The last word of a column's name says that it is secret.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.schema import engine, state
from app.schema.engine import execute, fetch, inspector, keys_of, listed, quoted

KEPT_FOR = timedelta(days=30)
BATCH = 1000  # rows given back in one transaction
SECRETS = {"digest", "hash", "secret", "token"}

# What pointed at what, also when the keys have gone with their tables and columns.
POINTERS = f"{state.KEPT}keys"


def is_going(up: bool) -> bool:
    """Whether a step is under way in this direction, on a database."""
    return not engine.is_script() and op.get_context().opts["step"][1] is up


def name_of(table: str) -> str:
    return f"{state.KEPT}{op.get_context().opts['step'][0]}_{table}"


def same(one: str, other: str, keys: list[str]) -> str:
    return " AND ".join(f"{one}.{quoted(key)} = {other}.{quoted(key)}" for key in keys)


def put_aside_column(table: str, column: str) -> None:
    """Before a downgrade drops the column, keep what it holds."""
    if not is_going(up=False):
        return
    if (table, column) in op.get_context().opts.get("derived", ()) or is_secret(column):
        engine.note(f"{table}.{column} is not kept: it was derived or is secret, and may not hold.")
        return
    remember_keys(table)
    kept, keys, t, c = name_of(table), keys_of(table), quoted(table), quoted(column)
    if not keys or not fetch(f"SELECT 1 FROM {t} WHERE {c} IS NOT NULL LIMIT 1"):
        return
    types = {each["name"]: each["type"] for each in inspector().get_columns(table)}
    if not engine.has_table(kept):
        columns: list[sa.Column[Any]] = [
            sa.Column(key, types[key], primary_key=True, autoincrement=False) for key in keys
        ]
        op.create_table(kept, *columns, **state.OPTIONS | {"sqlite_autoincrement": False})
    if column not in engine.columns_of(kept):
        op.add_column(kept, sa.Column(column, types[column]))
    k, matching = quoted(kept), same("k", "t", keys)
    execute(
        f"INSERT INTO {k} ({listed(keys)}) SELECT {listed(keys, 't.')} FROM {t} t "
        f"WHERE t.{c} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {k} k WHERE {matching})"
    )
    value = f"SELECT t.{c} FROM {t} t WHERE {same('t', k, keys)}"
    execute(f"UPDATE {k} SET {c} = ({value})")
    said(f"{table}.{column}", kept)


def put_aside_table(table: str) -> None:
    """Before a downgrade drops the table, keep its rows without secrets, if they may be without."""
    if not is_going(up=False) or not engine.holds_rows(table):
        return
    columns = {each["name"]: each["nullable"] for each in inspector().get_columns(table)}
    if needed := [name for name in columns if is_secret(name) and not columns[name]]:
        names = ", ".join(needed)
        engine.note(f"{table} is not kept: its rows are secrets, by the name of {names}.")
        return
    remember_keys(table)
    kept, wanted = name_of(table), listed([name for name in columns if not is_secret(name)])
    execute(f"DROP TABLE IF EXISTS {quoted(kept)}")
    execute(f"CREATE TABLE {quoted(kept)} AS SELECT {wanted} FROM {quoted(table)}")
    said(table, kept)


def is_secret(column: str) -> bool:
    return column.rpartition("_")[2] in SECRETS


def remember_keys(table: str) -> None:
    """Before a downgrade drops them, note which rows those of this table point at."""
    for key in inspector().get_foreign_keys(table) if is_going(up=False) else []:
        words = "VARCHAR(64) NOT NULL, ".join(["child ", "ours ", "parent ", "theirs ", ""])
        execute(f"CREATE TABLE IF NOT EXISTS {POINTERS} ({words}PRIMARY KEY (child, ours))")
        for ours, theirs in zip(key["constrained_columns"], key["referred_columns"], strict=True):
            execute(f"DELETE FROM {POINTERS} WHERE child = '{table}' AND ours = '{ours}'")
            row = f"'{table}', '{ours}', '{key['referred_table']}', '{theirs}'"
            execute(f"INSERT INTO {POINTERS} VALUES ({row})")


def said(what: str, kept: str) -> None:
    engine.note(
        f"{what} is kept in {kept} for {KEPT_FOR.days} days; upgrading again gives it back. "
        "What is removed meanwhile `flask worker` removes there too."
    )


def give_back_column(table: str, column: str) -> None:
    """After an upgrade added the column again, fill it with what was kept, in batches."""
    if not is_going(up=True) or column not in engine.columns_of(kept := name_of(table)):
        return
    keys, k, t, c = keys_of(table), quoted(kept), quoted(table), quoted(column)
    value = f"SELECT k.{c} FROM {k} k WHERE {same('k', t, keys)}"
    update = f"UPDATE {t} SET {c} = ({value}) WHERE EXISTS ({value} AND k.{c} IS NOT NULL)"
    nullable = {each["name"]: each["nullable"] for each in inspector().get_columns(table)}
    if nullable[column]:
        update += f" AND {c} IS NULL"  # what was written meanwhile wins
    with engine.autocommitted():
        after, key = "", quoted(keys[0])
        while page := fetch(f"SELECT {key} FROM {k} {after} ORDER BY {key} LIMIT {BATCH}"):
            first, last = literal(page[0][0]), literal(page[-1][0])
            execute(f"{update} AND {key} BETWEEN {first} AND {last}")
            after = f"WHERE {key} > {last}"
        if engine.columns_of(kept) == {*keys, column}:
            op.drop_table(kept)
        else:
            op.drop_column(kept, column)


def literal(value: object) -> str:
    return str(sa.literal(value).compile(op.get_bind(), compile_kwargs={"literal_binds": True}))


def give_back_table(table: str) -> None:
    """After an upgrade made the table again, fill it with the rows that still make sense."""
    if not is_going(up=True) or not engine.has_table(kept := name_of(table)):
        return
    k, t, keys = quoted(kept), quoted(table), keys_of(table)
    columns = sorted(engine.columns_of(kept) & engine.columns_of(table))
    where = f"NOT EXISTS (SELECT 1 FROM {t} t WHERE {same('t', 'k', keys)})"
    for key in inspector().get_foreign_keys(table):
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        there = " AND ".join(f"p.{quoted(theirs)} = k.{quoted(ours)}" for ours, theirs in pairs)
        empty = " OR ".join(f"k.{quoted(ours)} IS NULL" for ours in key["constrained_columns"])
        parent = quoted(key["referred_table"])
        where += f" AND ({empty} OR EXISTS (SELECT 1 FROM {parent} p WHERE {there}))"
    execute(
        f"INSERT INTO {t} ({listed(columns)}) SELECT {listed(columns, 'k.')} FROM {k} k "
        f"WHERE {where}"
    )
    if engine.dialect() == "postgresql" and keys == ["id"]:
        sequence = f"pg_get_serial_sequence('{t}', 'id')"
        execute(f"SELECT setval({sequence}, (SELECT MAX(id) FROM {t})) WHERE {sequence} <> ''")
    op.drop_table(kept)


def tables(connection: sa.Connection) -> list[str]:
    """Return the tables in which something is kept, oldest revision first."""
    found = sa.inspect(connection).get_table_names()
    return sorted(n for n in found if n.startswith(state.KEPT) and n != POINTERS)
