"""How `flask db migrate` changes a type: a string may grow, and nothing else is done in place."""

from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError

from app.revisions.operations import Line

# Of these, MariaDB counts the length in one byte of the row, and of longer ones in two; a string
# of at most 31 characters lies there as a longer one would.
COUNTED_OTHERWISE = range(32, 64)
NEW_COLUMN = "a new column, fill it and drop the old one (docs/changing-the-schema.md)."


def widening(op: Any, models: sa.MetaData) -> Line:
    """Return the operation that lets a string be longer, or raise CommandError."""
    table, column, kind = op.table_name, op.column_name, op.modify_type
    before, after = (getattr(each, "length", None) or 0 for each in (op.existing_type, kind))
    if not (isinstance(kind, sa.String) and 0 < before < after):
        raise CommandError(
            f"{table}.{column} changes its type or its default: people use the site, so add "
            + NEW_COLUMN
        )
    if before in COUNTED_OTHERWISE and after not in COUNTED_OTHERWISE:
        raise CommandError(
            f"{table}.{column} grows past 63 characters, for which MariaDB copies the table while "
            "writers wait: let it have 63, or add " + NEW_COLUMN
        )
    keys = [key for each in models.tables.values() for key in each.foreign_keys]
    if f"{table}.{column}" in {str(end) for key in keys for end in (key.parent, key.column)}:
        raise CommandError(
            f"{table}.{column} grows and stands in a foreign key, of which MariaDB changes no "
            "column: let it stay as long as it is, or add " + NEW_COLUMN
        )
    word = "ddl.key" if "postgresql" in kind._variant_mapping else "sa.String"
    stays = f"{table}.{column} stays as long as it is."
    up = f"ddl.widen({table!r}, {column!r}, {word}({kind.length}))"
    return Line(table, up, f"ddl.note({stays!r})")
