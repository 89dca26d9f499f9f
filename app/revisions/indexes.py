"""Indexes that are more than columns, of which ddl has none: the engines differ in each kind.

A project may have made some by hand, in revisions of its own: these stand, and are let be.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

UNSEEN = "SELECT name FROM sqlite_master WHERE type = 'index'"


def refuse_more_than_columns(operations: Iterable[Any], context: MigrationContext) -> None:
    """Raise CommandError for one that comes or goes, and so would come back."""
    for op in operations:
        made: Any = op.reverse() if isinstance(op, ops.DropIndexOp) else op
        if isinstance(made, ops.CreateIndexOp) and is_more(made.columns, made.kw):
            refuse(made.index_name, made.table_name)
    if context.connection is None or context.dialect.name != "sqlite":
        return
    # Of expressions SQLAlchemy reads none there, and autogenerate leaves them out.
    there = set(context.connection.exec_driver_sql(UNSEEN).scalars())
    for table in context.opts["target_metadata"].sorted_tables:
        for index in table.indexes:
            if index.name not in there and is_more(index.expressions, index.kwargs):
                refuse(index.name, table.name)


def is_more(columns: Iterable[Any], options: Any) -> bool:
    return bool(options) or not all(isinstance(each, sa.Column | str) for each in columns)


def refuse(index: Any, table: str) -> None:
    raise CommandError(
        f"{index} on {table} is more than columns (a condition, an order, an expression or a kind "
        "of its own), and the engines differ in it: say columns alone, or write the "
        "change by hand, from `flask db revision`."
    )
