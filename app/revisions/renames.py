"""How `flask db migrate` tells a new name of a column, which is all that a rename changes."""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation
from alembic.util import CommandError

from app.revisions.beginnings import kind_of
from app.revisions.operations import Line, columns_of, not_null
from app.revisions.refusals import refuse_hidden
from app.revisions.spelling import plain

Added = dict[tuple[str, str], sa.Column[Any]]  # by table and name
Became = dict[tuple[str, str], ops.DropColumnOp]

ONLY_A_NAME = (
    "{table}.{new} is the new name of {table}.{old} and would have {what} as well: while two "
    "releases run both names hold the same. Migrate the name alone, then the rest; another type is "
    "a new column, but for a longer string."
)
NOT_IN_STEP = (
    "{table}.{new} cannot be the new name of {table}.{old}, {what}: let it be a column of its own, "
    "filled by a backfill of yours, or leave the old name in the database, by "
    "mapped_column({old!r}, …)."
)


def found(
    flat: list[MigrateOperation],
    added: Added,
    asked: Callable[[str, str, str], bool],
    models: sa.MetaData,
    impl: DefaultImpl,
) -> Became:
    """Return which new column was which old one, asking about each that may be, or raise."""
    became: Became = {}
    for op in flat:
        if not isinstance(op, ops.DropColumnOp):
            continue
        old = op.to_column()
        for (table, name), new in added.items():
            if table != op.table_name or (table, name) in became:
                continue
            refuse_case(table, old.name, name)
            if alike(old, new, impl) and asked(table, old.name, name):
                refuse_more(table, old, new, flat, impl)
                refuse_out_of_step(table, old, new, models)
                became[table, name] = op
                break
    refuse_beside(flat, became)
    return became


def begin(table: str, old: sa.Column[Any], new: str) -> Iterator[Line]:
    """Yield what the expand does beside adding the new column: nobody need write the old one."""
    keep, end = in_step(table, old.name, new)
    yield Line(table, keep, end)
    if not old.nullable:
        yield not_null(table, old.name).reverse()


def end(table: str, old: str, new: str) -> Line:
    """Return what the contract does before it drops the old column."""
    keep, end = in_step(table, old, new)
    back = f"ddl.carry_back({table!r}, old={old!r}, new={new!r})"
    return Line(table, end, f"{keep}\n{back}")


def in_step(table: str, old: str, new: str) -> tuple[str, str]:
    words = f"({table!r}, old={old!r}, new={new!r})"
    return f"ddl.keep_in_step{words}", f"ddl.end_step{words}"


def alike(old: sa.Column[Any], new: sa.Column[Any], impl: DefaultImpl) -> bool:
    """Whether one may be the other: what they hold in Python, or in the database, is the same."""
    if kind_of(old) == kind_of(new):
        return True
    return not isinstance(old.type, sa.types.NullType) and is_same(old, new, impl)


def is_same(old: sa.Column[Any], new: sa.Column[Any], impl: DefaultImpl) -> bool:
    """Whether two columns are of the same type on this engine, and as long or as fine."""
    # Alembic takes a length that one of them lacks for no difference.
    word = "length" if isinstance(plain(new.type), sa.String) else "fsp"
    first, second = (
        getattr(each.type.dialect_impl(impl.dialect), word, None) for each in (old, new)
    )
    return first == second and not impl.compare_type(old, new)


def refuse_beside(flat: list[MigrateOperation], became: Became) -> None:
    """Raise CommandError where a contract would drop what has gone to a new name, and what dies."""
    renamed = {old.table_name: old.column_name for old in became.values()}
    going = {id(op) for op in became.values()}
    for op in flat:
        if isinstance(op, ops.DropColumnOp) and op.table_name in renamed and id(op) not in going:
            raise CommandError(
                f"{op.table_name}.{renamed[op.table_name]} has a new name and {op.table_name}."
                f"{op.column_name} goes: migrate one of the two, then the other, so that its "
                "contract can say what dies."
            )


def refuse_case(table: str, old: str, new: str) -> None:
    """Raise CommandError for names that are one to SQLite and MariaDB."""
    if old.lower() == new.lower():
        raise CommandError(
            f"{table}.{old} and {table}.{new} differ in case only, which SQLite and MariaDB do not "
            f"tell apart: leave the name in the database, by mapped_column({old!r}, …)."
        )


def refuse_more(
    table: str,
    old: sa.Column[Any],
    new: sa.Column[Any],
    flat: list[MigrateOperation],
    impl: DefaultImpl,
) -> None:
    """Raise CommandError where more than the name changes."""
    refuse_hidden(table, old.name, new)
    gone = [op.reverse() for op in flat if isinstance(op, ops.DropConstraintOp | ops.DropIndexOp)]
    keys, old_keys = keys_of(flat, table, new.name), keys_of(gone, table, old.name)
    what = [
        "another type" if not is_same(old, new, impl) else "",
        "NOT NULL" if old.nullable and not new.nullable else "",
        "another foreign key" if keys != old_keys else "",
        "no unique index"
        if unique_with(gone, table, old.name) - unique_with(flat, table, new.name)
        else "",
    ]
    if said := " and ".join(filter(None, what)):
        raise CommandError(ONLY_A_NAME.format(table=table, old=old.name, new=new.name, what=said))


def keys_of(operations: list[Any], table: str, column: str) -> set[tuple[str, ...]]:
    """Return the foreign keys that this column is in, whatever it is called."""
    return {
        (op.referent_table, *op.remote_cols, *anonymous(op.local_cols, column), *actions(op))
        for op in operations
        if isinstance(op, ops.CreateForeignKeyOp)
        if op.source_table == table and column in op.local_cols
    }


def actions(op: ops.CreateForeignKeyOp) -> Iterator[str]:
    for word in ("ondelete", "onupdate"):
        action = str(op.kw.get(word) or "").upper()
        yield "" if action in {"NO ACTION", "RESTRICT"} else action


def unique_with(operations: list[Any], table: str, column: str) -> set[tuple[str, ...]]:
    """Return the columns of the unique indexes that this one is in, whatever it is called."""
    return {
        anonymous(columns_of(op), column)
        for op in operations
        if isinstance(op, ops.CreateIndexOp) and op.unique
        if op.table_name == table and column in columns_of(op)
    }


def anonymous(columns: list[str], column: str) -> tuple[str, ...]:
    return tuple("" if each == column else each for each in columns)


def refuse_out_of_step(
    table: str, old: sa.Column[Any], new: sa.Column[Any], models: sa.MetaData
) -> None:
    """Raise CommandError where triggers could not keep both names in step."""
    pointed_at = {
        key.target_fullname for each in models.tables.values() for key in each.foreign_keys
    }
    what = ""
    if f"{table}.{new.name}" in pointed_at:
        what = "at which a foreign key points"
    elif old.server_default is not None:
        what = "which has a server_default that would be written in place of what the new name gets"
    elif isinstance(plain(new.type), sa.JSON):
        what = "which is JSON, of which PostgreSQL cannot tell whether it changed"
    elif isinstance(plain(new.type), sa.Float) and not isinstance(plain(new.type), sa.Double):
        what = "a Float, of which MariaDB tells Python but six digits (a Double can)"
    if what:
        raise CommandError(NOT_IN_STEP.format(table=table, old=old.name, new=new.name, what=what))
