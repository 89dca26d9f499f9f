"""What the rows of before get in a new column, by a backfill or by its default."""

from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError

from app.revisions import spelling

# A value to begin with, by what the column holds in Python; the developer decides on a better one.
TO_BEGIN_WITH = {
    "str": ('""', "str(row.id)"),  # …and one that differs from row to row, where it must
    "int": ("0", "row.id"),
    "float": ("0.0", "float(row.id)"),
    "bool": ("False", None),
    "Decimal": ("0", "row.id"),
    "datetime": ("datetime(1970, 1, 1, tzinfo=UTC)", None),
    "date": ("date(1970, 1, 1)", None),
    "timedelta": ("timedelta(0)", "timedelta(row.id)"),
}


def plain(column: sa.Column[Any]) -> Any:
    """Return the type of SQLAlchemy's own that the column has in the end."""
    return spelling.plain(column.type)


def kind_of(column: sa.Column[Any]) -> str:
    """Return what the column holds in Python, or the name of a type that does not say."""
    kind = plain(column)
    try:
        name: str = kind.python_type.__name__
    except NotImplementedError:
        return type(kind).__name__
    return name


def value_of(table: str, column: sa.Column[Any], differs: bool) -> str:
    """Return what a row of before gets, as it is written in Python, or raise CommandError."""
    default = column.default
    if isinstance(default, sa.ColumnDefault) and default.is_scalar and not differs:
        return spelling.value(table, column, default.arg)
    kind = plain(column)
    # The site reads no string that is not among them, so "" would close each page with such a row.
    choices = (repr(kind.enums[0]), None) if isinstance(kind, sa.Enum) else None
    known = choices or TO_BEGIN_WITH.get(kind_of(column))
    value = known[1 if differs else 0] if known else None
    if value is None:
        must = "not be empty and must differ in each row" if differs else "not be empty"
        raise CommandError(
            f"{table}.{column.name} may {must}, and nothing here knows a value to begin with: let "
            "it be empty first (`| None`), and fill it by a backfill of your own."
        )
    return value
