"""Where a database differs from the models: what Alembic sees, and what it cannot."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.revisions import standing, troubles
from app.schema import rebuild, state

# Not the comments of tables and columns: SQLite has none, and they change nothing for anybody.
COMPARED = ["alembic.autogenerate.*", "~alembic.autogenerate.comments"]


def differences(connection: sa.Connection, metadata: sa.MetaData) -> list[str]:
    """Return a line for each difference, none if models and database agree."""
    options = {"compare_type": True, "include_name": state.include_name}
    options |= {"autogenerate_plugins": COMPARED}
    context = MigrationContext.configure(connection, opts=options)
    found = [str(each) for each in compare_metadata(context, metadata)]
    looks = {"sqlite": on_sqlite, "mariadb": on_mariadb, "postgresql": on_postgresql}
    found += looks[connection.dialect.name](connection, metadata)
    found += standing.differences(sa.inspect(connection), metadata)
    return found + list(indexes(connection, metadata))


def on_sqlite(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[str]:
    for table in metadata.tables.values():
        if table.autoincrement_column is not None and not rebuild.counts(connection, table.name):
            yield f"{table.name} uses ids again (no AUTOINCREMENT)"


def on_mariadb(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[str]:
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
    )
    for table, column, collation in connection.exec_driver_sql(query).all():
        declared = metadata.tables.get(table)
        if declared is None or isinstance(getattr(declared.c.get(column), "type", None), sa.JSON):
            continue  # text that is JSON has a collation of its own
        wanted = declared.kwargs.get("mariadb_collate")
        if wanted and collation != wanted:
            yield f"{table}.{column} has collation {collation}, not {wanted}"


def on_postgresql(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[str]:
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'character varying'"
    )
    for table, column, collation in connection.exec_driver_sql(query).all():
        declared = metadata.tables[table].c.get(column) if table in metadata.tables else None
        if declared is None:
            continue
        wanted = declared.type.compile(connection.dialect).partition(" COLLATE ")[2].strip('"')
        if wanted != (collation or ""):
            yield f"{table}.{column} has collation {collation or 'default'}, not {wanted}"
    yield from troubles.of_the_catalogue(connection)


def indexes(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[str]:
    inspector = sa.inspect(connection)
    for table in metadata.sorted_tables:
        wanted = {(str(i.name), tuple(i.columns.keys()), bool(i.unique)) for i in table.indexes}
        reflected: list[Any] = (
            inspector.get_indexes(table.name) if inspector.has_table(table.name) else []
        )
        stands = {(i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in reflected}
        stands -= set(of_constraints(table)) - wanted
        for index in sorted(wanted ^ stands):
            yield f"{table.name}: index {index} is only {'declared' if index in wanted else 'here'}"


def of_constraints(table: sa.Table) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield the indexes that engines make for constraints: Alembic compares the constraints."""
    for each in table.constraints:
        if isinstance(each, sa.UniqueConstraint | sa.ForeignKeyConstraint):
            unique = isinstance(each, sa.UniqueConstraint)
            yield str(each.name), tuple(each.columns.keys()), unique
