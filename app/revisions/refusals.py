"""What `flask db migrate` refuses to write, because one of the engines could not do it safely."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.util import CommandError

from app.revisions.spelling import plain
from app.schema.engine import LONGEST

# What a literal is in SQL: a string, a number, or a word.
CONSTANT = re.compile(r"'(?:[^']|'')*'|[+-]?\d+(?:\.\d*)?|true|false|null", re.IGNORECASE)


def refuse_new_under_an_old_name(flat: list[Any]) -> None:
    """Raise CommandError for an index that changes: the old one stands until the contract."""
    dropped = {(op.table_name, op.index_name) for op in flat if isinstance(op, ops.DropIndexOp)}
    for op in flat:
        if isinstance(op, ops.CreateIndexOp) and (op.table_name, op.index_name) in dropped:
            raise CommandError(
                f"{op.index_name} on {op.table_name} would become another under the same name, "
                "and the old one stands until the contract: give the new one a name of its own, "
                "by an Index(…) in __table_args__."
            )


def refuse_native_enum(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError for a type that PostgreSQL would keep after a downgrade."""
    if isinstance(column.type, sa.Enum) and column.type.native_enum:
        raise CommandError(
            f"{table}.{column.name} is an ENUM of the engine's own, whose type outlives a "
            "downgrade: say native_enum=False, and it is a string."
        )


def refuse_computed(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError for a default that is no constant: SQLite adds no such column to rows."""
    default = column.server_default
    if isinstance(default, sa.DefaultClause) and not is_constant(default.arg):
        raise CommandError(
            f"{table}.{column.name} has a server_default that is no constant, and SQLite adds no "
            "such column: say default= in Python instead, and let it be empty first (`| None`) "
            "where the rows of before need values of their own."
        )


def refuse_hidden(table: str, source: str, column: sa.Column[Any]) -> None:
    """Raise CommandError where rows would not be empty, and nothing would be carried over."""
    if column.server_default is not None:
        raise CommandError(
            f"{table}.{column.name} is the new name of {table}.{source}, whose values its "
            "server_default would take the place of: leave server_default out."
        )


def is_constant(default: Any) -> bool:
    if isinstance(default, sa.TextClause):
        return CONSTANT.fullmatch(default.text.strip()) is not None
    return isinstance(default, str | sa.BindParameter | type(sa.true()) | type(sa.false()))


def refuse_shared(table: str, columns: list[sa.Column[Any]]) -> None:
    """Raise CommandError where new columns are unique together and every row gets the same."""
    if all(isinstance(column.server_default, sa.DefaultClause) for column in columns):
        names = " and ".join(f"{table}.{column.name}" for column in columns)
        raise CommandError(
            f"All rows would share the server_default of {names}, which must be unique: leave "
            "server_default out, and the rows of before get values that differ."
        )


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


def refuse_json(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError where JSON would become required, or no longer be, over rows."""
    if isinstance(plain(column.type), sa.JSON):
        raise CommandError(
            f"{table}.{column.name} is JSON, and whether it may be empty MariaDB changes only by "
            "copying the table while writers wait: let it be empty (`| None`), and let the code "
            "see that it is not."
        )
