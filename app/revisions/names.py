"""What a revision calls a table or a column in Python, and how long a name in SQL may be."""

import keyword
import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.util import CommandError

# PostgreSQL cuts off what is longer, in bytes; MariaDB refuses more than 64 characters.
LONGEST = 63

# What a revision defines or imports beside its tables, and what its lines call.
TAKEN = {
    *("UTC", "backfill", "date", "datetime", "ddl", "op", "sa", "stages"),
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


def refuse_long(operations: Iterable[Any]) -> None:
    """Raise CommandError for a name that is new and longer than each engine takes."""
    for op in operations:
        for name in new_in(op):
            if len(name.encode()) > LONGEST:
                raise CommandError(
                    f"The name {name} is {len(name.encode())} bytes long, and PostgreSQL takes "
                    f"{LONGEST}: give it a shorter one in the model."
                )


def new_in(op: Any) -> Iterator[str]:
    """Yield the names that this operation would bring into the database."""
    if isinstance(op, ops.CreateTableOp):
        yield op.table_name
        yield from (str(name) for item in op.columns if (name := getattr(item, "name", None)))
    if isinstance(op, ops.AddColumnOp):
        yield op.column.name
    if isinstance(op, ops.CreateIndexOp):
        yield str(op.index_name)
    if isinstance(op, ops.CreateForeignKeyOp):
        yield str(op.constraint_name)
