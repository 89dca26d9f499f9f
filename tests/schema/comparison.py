"""Where a database differs from the models, and from another database."""

import re

from app.db import db
from app.revisions import drift
from app.schema import state
from tests.schema.conftest import Schema

SHAPES = {
    "sqlite": ["SELECT name, tbl_name, sql FROM sqlite_master"],
    "postgresql": [
        "SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, "
        "collation_name, column_default, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'",
        "SELECT i.indexdef, x.indisvalid FROM pg_indexes i JOIN pg_index x "
        "ON x.indexrelid = i.indexname::regclass WHERE i.schemaname = 'public'",
        "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    ],
    "mariadb": [
        "SELECT trigger_name, action_statement FROM information_schema.triggers "
        "WHERE trigger_schema = DATABASE()",
    ],
}


def differences(schema: Schema) -> list[str]:
    """Return what differs, for Alembic and beyond what it sees."""
    with schema.engine.connect() as connection:
        return drift.differences(connection, db.metadata)


def shape(schema: Schema) -> list[str]:
    """Return the tables and what hangs on them, in the engine's own words."""
    with schema.engine.connect() as connection:
        queries = list(SHAPES[schema.dialect])
        if schema.dialect == "mariadb":
            queries += [f"SHOW CREATE TABLE `{table}`" for table in schema.tables]
        rows = [row for query in queries for row in connection.exec_driver_sql(query)]
    lines = [" ".join("\t".join(map(str, row)).split()) for row in rows]
    # What app.schema notes for itself, and how far ids have counted, is no matter of shape.
    ours = ("schema_run", "schema_backfill", state.KEPT)
    theirs = [line for line in lines if not any(name in line for name in ours)]
    # Nor is whether a table of SQLite that was written anew has its name in quotes.
    return sorted(re.sub(r' AUTO_INCREMENT=\d+|"', "", line) for line in theirs)
