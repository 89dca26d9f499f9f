"""What `flask db migrate` refuses to write, because one of the engines could not do it safely."""

import re
from collections.abc import Iterable, Iterator, Mapping
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


def refuse_type(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError for a type that PostgreSQL keeps too long, or MariaDB does not take."""
    kind = plain(column.type)
    if isinstance(kind, sa.Enum) and kind.native_enum:
        raise CommandError(
            f"{table}.{column.name} is an ENUM of the engine's own, whose type outlives a "
            "downgrade: say native_enum=False, and it is a string."
        )
    has_end = isinstance(kind, sa.Text) or getattr(kind, "length", None) or kind._variant_mapping
    if isinstance(kind, sa.String) and not has_end:
        raise CommandError(
            f"{table}.{column.name} is a string without a length, which MariaDB does not take: "
            "say sa.String(n), or sa.Text()."
        )


def refuse_computed(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError for what the engine computes: a column of it, or its default."""
    refuse_generated(table, column)
    default = column.server_default
    if isinstance(default, sa.DefaultClause) and not is_constant(default.arg):
        raise CommandError(
            f"{table}.{column.name} has a server_default that is no constant, of which each engine "
            "makes something else, and SQLite no column over rows: say default= in Python instead, "
            "and let it be empty first (`| None`) where rows of before need values of their own."
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


def refuse_pointing(column: sa.Column[Any]) -> None:
    """Raise CommandError for a key that becomes required: a value to begin with would be none."""
    for key in column.foreign_keys:
        table, name = column.table.name, column.name
        raise CommandError(
            f"{table}.{name} may not be empty any more and points at rows of "
            f"{key.target_fullname.rpartition('.')[0]}: only you know at which, so write the "
            "backfill yourself, from `flask db revision`, and after it a contract of "
            f"ddl.set_not_null({table!r}, {name!r})."
        )


def refuse_deferrable(name: Any, table: str, options: Mapping[str, Any]) -> None:
    """Raise CommandError for a key that is checked later than MariaDB can."""
    if options.get("deferrable") or options.get("initially"):
        raise CommandError(
            f"{name} on {table} would be checked at the end of a transaction, which MariaDB does "
            "not know: leave deferrable and initially out."
        )


def refuse_bare_key(table: sa.Table, columns: list[str], parent: str) -> None:
    """Raise CommandError for a key without an index, which MariaDB would make by itself."""
    begun = [each.columns.keys() for each in table.indexes]
    kinds = sa.UniqueConstraint | sa.PrimaryKeyConstraint
    begun += [each.columns.keys() for each in table.constraints if isinstance(each, kinds)]
    if not any(each[: len(columns)] == columns for each in begun):
        index = "say index=True" if len(columns) == 1 else "add an Index(…) to __table_args__"
        raise CommandError(
            f"{table.name}.{', '.join(columns)} points at {parent} and has no index, so each "
            f"DELETE there would read all of {table.name}: {index}."
        )


def refuse_generated(table: str, column: sa.Column[Any]) -> None:
    """Raise CommandError for a column of which a downgrade could give no value back."""
    if column.computed is not None or column.identity is not None:
        raise CommandError(
            f"{table}.{column.name} is computed or counted by the engine (Computed, Identity), "
            "so what a downgrade keeps of it could not be given back: let the code compute it; "
            "an id counts up without more."
        )


def refuse_in_new_table(op: ops.CreateTableOp, model: sa.Table) -> None:
    """Raise CommandError for what one of the engines does not know, or knows otherwise."""
    table = op.table_name
    for item in op.columns:
        if isinstance(item, sa.Column):
            refuse_type(table, item)
            refuse_computed(table, item)
        elif isinstance(item, sa.ForeignKeyConstraint):
            refuse_deferrable(
                item.name, table, {"deferrable": item.deferrable, "initially": item.initially}
            )
            parent = item.elements[0].target_fullname.rpartition(".")[0]
            refuse_bare_key(model, list(item.column_keys), parent)


def refuse_pointing_ahead(flat: list[Any]) -> None:
    """Raise CommandError for new tables of which the first points at the second, which is none."""
    to_come = [op.table_name for op in flat if isinstance(op, ops.CreateTableOp)]
    for op in flat:
        if not isinstance(op, ops.CreateTableOp):
            continue
        for key in [item for item in op.columns if isinstance(item, sa.ForeignKeyConstraint)]:
            parent = key.elements[0].target_fullname.rpartition(".")[0]
            if parent in to_come and parent != op.table_name:
                raise CommandError(
                    f"{op.table_name} and {parent} are new and point at each other: make them "
                    f"without {op.table_name}.{', '.join(key.column_keys)}, then add that column, "
                    "in a change of its own."
                )
        to_come.remove(op.table_name)


def refuse_undivided(chain: Any, op: Any) -> None:
    """Raise CommandError for what no stage has an operation for."""
    table = getattr(op, "table_name", "the schema")
    if isinstance(op, ops.CreateUniqueConstraintOp):
        columns = ", ".join(map(repr, op.columns))
        index = (
            "say index=True beside unique=True, and it is an index"
            if len(op.columns) == 1
            else f"say sa.Index(None, {columns}, unique=True) in its place"
        )
        raise CommandError(
            f"{table}.{', '.join(op.columns)} is unique by a constraint, which SQLite adds only "
            f"by writing the table anew: {index}."
        )
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "unique":
        refuse_unique_no_more(table, op.constraint_name)
    raise CommandError(
        f"{type(op).__name__.removesuffix('Op')} on {table} cannot be divided into stages: write "
        "it by hand, from `flask db revision`."
    )


def refuse_unique_no_more(table: str, name: Any) -> None:
    raise CommandError(
        f"{table} is no longer unique by {name}, a constraint, which SQLite drops only by writing "
        "the table anew: leave it in the model, or make a new table."
    )
