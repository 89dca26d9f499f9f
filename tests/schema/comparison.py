"""Where a database differs from the models, for Alembic and beyond what it sees."""

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.db import db
from tests.schema.conftest import Schema


def differences(schema: Schema) -> list[Any]:
    with schema.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, db.metadata)


def what_alembic_cannot_see(schema: Schema) -> list[str]:
    """Return what differs where Alembic does not look: how strings compare, how ids count up."""
    with schema.engine.connect() as connection:
        made = {"sqlite": tables_of_sqlite, "mariadb": tables_of_mariadb}.get(schema.dialect)
        found = made(connection) if made else columns_of_postgresql(connection)
    return found + indexes_that_differ(schema)


def tables_of_sqlite(connection: sa.Connection) -> list[str]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name IN ({})"
    names = [name for name, table in db.metadata.tables.items() if "id" in table.columns]
    listed = ", ".join(f"'{name}'" for name in names)
    made = dict(connection.exec_driver_sql(query.format(listed)).all())
    return [f"{name} reuses ids" for name in names if "AUTOINCREMENT" not in made[name]]


def tables_of_mariadb(connection: sa.Connection) -> list[str]:
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
    )
    return [
        f"{table}.{column} is {collation}"
        for table, column, collation in connection.exec_driver_sql(query)
        if table in db.metadata.tables and collation != "utf8mb4_nopad_bin"
    ]


def columns_of_postgresql(connection: sa.Connection) -> list[str]:
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'character varying'"
    )
    return [
        f"{table}.{column} has collation {collation}"
        for table, column, collation in connection.exec_driver_sql(query)
        if table in db.metadata.tables
        and collation != collation_of(db.metadata.tables[table].c[column].type)
    ]


def collation_of(declared: Any) -> str | None:
    variant = declared._variant_mapping.get("postgresql", declared)
    return variant.collation


def indexes_that_differ(schema: Schema) -> list[str]:
    inspector, found = sa.inspect(schema.engine), []
    for table in db.metadata.sorted_tables:
        wanted = {(str(i.name), tuple(i.columns.keys()), bool(i.unique)) for i in table.indexes}
        stands = {
            (i["name"], tuple(i["column_names"]), bool(i["unique"]))
            for i in inspector.get_indexes(table.name)
        }
        found += [f"{table.name}: {index}" for index in wanted ^ stands]
    return found
