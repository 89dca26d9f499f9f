"""What `flask db migrate` refuses to write, because one of the engines could not do it safely."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.util import CommandError


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
