"""What a downgrade keeps aside does not outlive whom it is about.

Accounts and the schema do not know each other: here somebody knows that the one needs the other.
"""

from datetime import timedelta

import sqlalchemy as sa

from app import clock, jobs
from app.db import db
from app.schema import kept, state

EVERY = timedelta(hours=1)

noted = sa.table(kept.POINTERS, *map(sa.column, ("child", "ours", "parent", "theirs")))

There = dict[str, set[str]]  # the tables that there are, and their columns


@jobs.periodic("schema.sweep_kept", every=EVERY)
def sweep_kept() -> None:
    """Remove what is kept of rows that are gone, or is kept for too long."""
    with db.engine.begin() as connection:
        # Again while any go: others may have pointed at them.
        while any(forget_gone(connection, name) for name in tables(connection)):
            pass
        expire(connection)


def forget_gone(connection: sa.Connection, name: str) -> int:
    """Remove the kept rows that are gone, and those that point at one that is; count them."""
    removed, inspector = 0, sa.inspect(connection)
    there = {
        table: {column["name"] for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
    }
    # Of a table that is gone, or is here again and waits to be filled, these are the rows. They
    # have no key of their own, as columns that are kept of a table have.
    whole = {
        origin(connection, table): table
        for table in tables(connection)
        if not inspector.get_pk_constraint(table)["constrained_columns"]
    }
    for column, (table, key) in pointers(connection, name, there).items():
        parent = whole.get(table, table)
        if (parent, key) != (name, column) and key in there.get(parent, ()):
            k, p = sa.table(name, sa.column(column)), sa.table(parent, sa.column(key)).alias()
            is_there = sa.exists().where(p.c[key] == k.c[column])
            gone = sa.delete(k).where(k.c[column].is_not(None), ~is_there)
            removed += connection.execute(gone).rowcount
    return removed


def pointers(connection: sa.Connection, name: str, there: There) -> dict[str, tuple[str, str]]:
    """Return what the columns of a kept table point at: by a key, else by the name `<table>_id`."""
    columns, table = there[name], origin(connection, name)
    found = {each: (each.removesuffix("_id"), "id") for each in columns if each.endswith("_id")}
    found["id"] = (table, "id")
    if kept.POINTERS in there:
        keys = sa.select(noted).where(noted.c.child == table)
        found |= {row.ours: (row.parent, row.theirs) for row in connection.execute(keys)}
    return {column: found[column] for column in found if column in columns}


def origin(connection: sa.Connection, name: str) -> str:
    """Return the table whose rows or columns are kept here."""
    revision = revision_of(connection, name)
    known = set(sa.inspect(connection).get_table_names())
    if kept.POINTERS in known:
        rows = connection.execute(sa.select(noted.c.child, noted.c.parent)).all()
        known |= {table for row in rows for table in row}
    # What is too long for a name has been cut.
    names = {kept.name_of(table, revision): table for table in known}
    return names.get(name, name.removeprefix(f"{state.KEPT}{revision}_"))


def revision_of(connection: sa.Connection, name: str) -> str:
    """Return the revision whose downgrade kept this; its id may have an underscore itself."""
    found = {run.revision for run in state.history(connection) if run.revision}
    mine = [each for each in found if name.startswith(f"{state.KEPT}{each}_")]
    return max(mine, key=len, default=name.removeprefix(state.KEPT).partition("_")[0])


def tables(connection: sa.Connection) -> list[str]:
    """Return the tables in which something is kept, oldest revision first."""
    found = sa.inspect(connection).get_table_names()
    return sorted(n for n in found if n.startswith(state.KEPT) and n != kept.POINTERS)


def expire(connection: sa.Connection) -> None:
    """Drop what was kept for longer than thirty days."""
    for name in tables(connection):
        revision = revision_of(connection, name)
        ended = [run.ended_at for run in state.history(connection) if run.revision == revision]
        if ended and ended[0] < clock.now() - kept.KEPT_FOR:
            connection.execute(sa.schema.DropTable(sa.Table(name, sa.MetaData())))
