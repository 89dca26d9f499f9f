"""Operations of ddl as Alembic's autogenerate knows operations: rendered, and reversed."""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation


class Line(MigrateOperation):
    """An operation of ddl that Alembic has no word for: how it is done, and undone."""

    def __init__(self, table_name: str, up: str, down: str) -> None:
        self.table_name, self.up, self.down = table_name, up, down

    def reverse(self) -> "Line":
        return Line(self.table_name, self.down, self.up)


@renderers.dispatch_for(Line)
def render_line(context: AutogenContext, op: Line) -> list[str]:
    return op.up.splitlines()


def not_null(table: str, column: str) -> Line:
    return Line(
        table,
        f"ddl.set_not_null({table!r}, {column!r})",
        f"ddl.drop_not_null({table!r}, {column!r})",
    )


def foreign_key(op: Any) -> Line:
    does = [(word, op.kw[word]) for word in ("ondelete", "onupdate") if op.kw.get(word)]
    options = "".join(f", {word}={action!r}" for word, action in does)
    name, table = op.constraint_name, op.source_table
    return Line(
        table,
        f"ddl.add_foreign_key({name!r}, {table!r}, {op.local_cols!r}, {op.referent_table!r}, "
        f"{op.remote_cols!r}{options})",
        f"ddl.drop_foreign_key({name!r}, {table!r})",
    )


def is_foreign_key(op: ops.DropConstraintOp) -> bool:
    return op.constraint_type == "foreignkey" and bool(op.constraint_name)


def changed_keys(flat: list[MigrateOperation]) -> set[tuple[str, ...]]:
    """Return table and columns of each foreign key that becomes another of the same columns.

    SQLite tells no two such keys apart, so the old one goes before the new one comes.
    """
    gone: list[Any] = [
        op.reverse() for op in flat if isinstance(op, ops.DropConstraintOp) and is_foreign_key(op)
    ]
    new: list[Any] = [op for op in flat if isinstance(op, ops.CreateForeignKeyOp)]
    of_gone, of_new = ({(op.source_table, *op.local_cols) for op in each} for each in (gone, new))
    return of_gone & of_new


def flattened(container: ops.OpContainer) -> Iterator[MigrateOperation]:
    for op in container.ops:
        if isinstance(op, ops.OpContainer):
            yield from flattened(op)
        else:
            yield op


def columns_of(op: ops.CreateIndexOp) -> list[str]:
    return [getattr(column, "name", None) or str(column) for column in op.columns]


def generic(kind: Any) -> Any:
    """Return the type as any engine has it, of one that was read from this engine."""
    found = kind.as_generic(allow_nulltype=True)
    if getattr(found, "collation", None):
        found.collation = None
    return found
