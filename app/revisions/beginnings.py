"""What the rows of before get in a new column, by a backfill or by its default."""

from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine.default import DefaultDialect

# A value to begin with, by what the column holds in Python; the developer decides on a better one.
TO_BEGIN_WITH = {
    "str": ('""', "str(row.id)"),  # …and one that differs from row to row, where it must
    "int": ("0", "row.id"),
    "float": ("0.0", "float(row.id)"),
    "bool": ("False", None),
    "Decimal": ("0", "row.id"),
    "datetime": ("datetime(1970, 1, 1, tzinfo=UTC)", None),
    "date": ("date(1970, 1, 1)", None),
}


def plain(column: sa.Column[Any]) -> Any:
    """Return the type of SQLAlchemy's own that the column has in the end."""
    kind: Any = column.type
    return kind.impl if isinstance(kind, sa.TypeDecorator) else kind


def kind_of(column: sa.Column[Any]) -> str:
    name: str = plain(column).python_type.__name__
    return name


def value_of(table: str, column: sa.Column[Any], differs: bool) -> str:
    """Return what a row of before gets, as it is written in Python, or raise CommandError."""
    default = column.default
    if isinstance(default, sa.ColumnDefault) and default.is_scalar and not differs:
        return written(column, default.arg)
    kind = plain(column)
    # The site reads no string that is not among them, so "" would close each page with such a row.
    choices = (repr(kind.enums[0]), None) if isinstance(kind, sa.Enum) else None
    known = choices or TO_BEGIN_WITH.get(kind_of(column))
    value = known[1 if differs else 0] if known else None
    if value is None:
        must = "not be empty and must differ in each row" if differs else "not be empty"
        raise CommandError(
            f"{table}.{column.name} may {must}, and there is no such value to begin with: let it "
            "be empty first (`| None`), and fill it by a backfill of your own."
        )
    return value


def written(column: sa.Column[Any], value: Any) -> str:
    """Return a value in Python; of an enumeration, as the database has it."""
    if isinstance(column.type, sa.Enum):
        process = column.type.bind_processor(DefaultDialect())
        return repr(process(value) if process else value)
    return repr(value)
