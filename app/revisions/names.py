"""What a revision calls a table or a column in Python, whatever it is called in SQL."""

import keyword
import re

import sqlalchemy as sa

# What a revision defines or imports beside its tables, and what its lines call.
TAKEN = {
    *("UTC", "backfill", "date", "datetime", "ddl", "op", "sa", "stages"),
    *("Decimal", "UUID", "time", "timedelta", "mysql", "postgresql", "sqlite"),
    *("branch_labels", "depends_on", "down_revision", "revision", "stage"),
    *("checks", "downgrade", "irreversible", "requires_done", "upgrade", "values_of", "work"),
    *("connection", "dict", "float", "list", "row", "rows", "str", "would_lose"),
}
COLUMNS = type(sa.table("any").c)


def variable(name: str) -> str:
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not name.isidentifier():
        return f"_{name}"
    return f"{name}_" if name in TAKEN or keyword.iskeyword(name) else name


def free(name: str, taken: set[str]) -> str:
    """Return this name, or one like it that is not taken, and take it."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def column(table: str, name: str) -> str:
    """Return the column of a table as Python gets at it."""
    c = f"{variable(table)}.c"
    return f"{c}.{name}" if is_attribute(name, COLUMNS) else f"{c}[{name!r}]"


def of_row(name: str) -> str:
    """Return the value of a column in `row`."""
    return f"row.{name}" if is_attribute(name, sa.Row) else f"row._mapping[{name!r}]"


def is_attribute(name: str, kind: type) -> bool:
    is_name = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return is_name and not name.startswith("_") and not hasattr(kind, name)
