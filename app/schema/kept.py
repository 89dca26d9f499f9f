"""What a downgrade takes away is put aside, and given back by the next upgrade.

In tables of their own, `_kept_<revision>_<table>`, for thirty days. What is secret or derived is
the exception: by then it may be wrong, and a wrong hash opens a door, as does a token that was
ended meanwhile. The last word of a column's name says that it is secret.
"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from app.db import TABLE_OPTIONS
from app.schema import backfill, engine, state
from app.schema.engine import execute, fetch, inspector, listed, quoted

KEPT_FOR = timedelta(days=30)
SECRETS = {"digest", "hash", "otp", "password", "secret", "seed", "token"}
NOT_KEPT = "{}.{} is not kept: it was derived or is secret, and may not hold."
POINTERS = f"{state.KEPT}keys"  # what pointed at what, also when the keys have gone


def is_going(up: bool) -> bool:
    """Whether a step is under way in this direction, on a database."""
    return not engine.is_script() and op.get_context().opts["step"][1] is up


def name_of(table: str, revision: str = "") -> str:
    """Return where a downgrade of this revision, or of the one under way, keeps from the table."""
    return engine.short(f"{state.KEPT}{revision or op.get_context().opts['step'][0]}_{table}")


def reflected(table: str) -> sa.Table:
    return sa.Table(table, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)


def same(k: sa.Table, t: sa.Table) -> list[sa.ColumnElement[bool]]:
    return [k.c[key.name] == key for key in t.primary_key]


def put_aside_column(table: str, column: str) -> None:
    """Before a downgrade drops the column, keep what it holds."""
    opts = op.get_context().opts
    if not is_going(up=False) or (table, column) in opts.get("carried", ()):
        return
    if (table, column) in opts.get("derived", ()) or is_secret(column):
        engine.note(NOT_KEPT.format(table, column))
        return
    remember_keys(table)
    t, kept = reflected(table), name_of(table)
    c, keys = t.c[column], t.primary_key.columns
    if not fetch(f"SELECT 1 FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL LIMIT 1"):
        return
    if not keys:
        engine.note(f"{table}.{column} is not kept: its table has no key.")
        return
    if not engine.has_table(kept):
        columns = [sa.Column(k.name, k.type, primary_key=True, autoincrement=False) for k in keys]
        op.create_table(kept, *columns, **TABLE_OPTIONS | {"sqlite_autoincrement": False})
    if column not in engine.columns_of(kept):
        op.add_column(kept, sa.Column(column, c.type))
    k = reflected(kept)
    new = sa.select(*keys).where(c.is_not(None), ~sa.exists().where(*same(k, t)))
    op.execute(sa.insert(k).from_select(keys.keys(), new))
    op.execute(sa.update(k).values({column: sa.select(c).where(*same(k, t)).scalar_subquery()}))
    said(f"{table}.{column}", kept)


def put_aside_table(table: str) -> None:
    """Before a downgrade drops the table, keep its rows without secrets, if they may be without."""
    if not is_going(up=False) or not engine.holds_rows(table):
        return
    kept = name_of(table)
    columns = {each["name"]: each["nullable"] for each in inspector().get_columns(table)}
    plain = op.get_context().opts.get("kept_in_plain_text", {}).get(kept.removeprefix(state.KEPT))
    wanted = [name for name in columns if not is_secret(name) or name == plain]
    if needed := ", ".join(name for name in columns if not (columns[name] or name in wanted)):
        engine.note(f"{table} is not kept: its rows are secrets, by the name of {needed}.")
        return
    remember_keys(table)
    execute(f"DROP TABLE IF EXISTS {quoted(kept)}")
    execute(f"CREATE TABLE {quoted(kept)} AS SELECT {listed(wanted)} FROM {quoted(table)}")
    for name in sorted(columns.keys() - wanted):
        engine.note(NOT_KEPT.format(table, name))
    said(f"{table}, with {plain} in plain text," if plain in columns else table, kept)


def is_secret(column: str) -> bool:
    return column.lower().rpartition("_")[2] in SECRETS


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
    k, t = reflected(kept), reflected(table)
    value = sa.select(k.c[column]).where(*same(k, t))
    known = value.where(k.c[column].is_not(None)).exists()
    update = sa.update(t).values({column: value.scalar_subquery()}).where(known)
    if t.c[column].nullable:
        update = update.where(t.c[column].is_(None))  # what was written meanwhile wins
    first = next(iter(t.primary_key))
    key = k.c[first.name]
    backfill.write_in_batches(sa.select(key).order_by(key), update, first)
    if {*k.c.keys()} == {*t.primary_key.columns.keys(), column}:
        op.drop_table(kept)
    else:
        op.drop_column(kept, column)


def give_back_table(table: str) -> None:
    """After an upgrade made the table again, fill it with the rows that still make sense."""
    if not is_going(up=True) or not engine.has_table(kept := name_of(table)):
        return
    k, t = reflected(kept), reflected(table)
    sound: list[sa.ColumnElement[bool]] = [sa.true()]
    for key in inspector().get_foreign_keys(table):
        pairs = dict(zip(key["constrained_columns"], key["referred_columns"], strict=True))
        parent = kept if key["referred_table"] == table else key["referred_table"]
        p = sa.table(parent, *map(sa.column, pairs.values())).alias()
        there = sa.select(p).where(*(p.c[pairs[ours]] == k.c[ours] for ours in pairs))
        there = there.with_for_update(read=True, key_share=True)  # nobody goes before they are in
        sound.append(sa.or_(there.exists(), *(k.c[ours].is_(None) for ours in pairs)))
        if parent == kept:
            index = f"{quoted(f'ix{kept[5:]}')} ON {quoted(kept)} ({listed(list(pairs.values()))})"
            execute(f"CREATE INDEX IF NOT EXISTS {index}")
    # Again while any go: others may have pointed at them.
    while op.get_bind().execute(sa.delete(k).where(~sa.and_(*sound))).rowcount:
        pass
    op.execute(sa.delete(k).where(sa.exists().select_from(t).where(*same(k, t))))
    columns = listed([each.name for each in k.c if each.name in t.c])
    # MariaDB would look for a row's parent before that has come too.
    begin = "SET STATEMENT foreign_key_checks = 0 FOR " if engine.dialect() == "mariadb" else ""
    execute(f"{begin}INSERT INTO {quoted(table)} ({columns}) SELECT {columns} FROM {quoted(kept)}")
    for own in t.primary_key if engine.dialect() == "postgresql" else ():
        if isinstance(own.type, sa.Integer):
            sequence = f"pg_get_serial_sequence('{quoted(table)}', '{own.name}')"
            fetch(f"SELECT setval({sequence}, MAX({quoted(own.name)})) FROM {quoted(table)}")
    op.drop_table(kept)
