"""Whether the release before still works: its statements, tried on the schema after.

There is no old code here. A release knows the tables and columns of its schema, so it is stood
for by INSERT, SELECT, UPDATE and DELETE on those, with values made from the columns' types.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import clock
from app.schema.state import is_ours

Refusals = dict[str, str]  # statement → why the database refused it


def reflected(connection: sa.Connection) -> sa.MetaData:
    """Return the schema as it stands, without what is our own, or Alembic's."""
    metadata = sa.MetaData()
    metadata.reflect(connection, only=lambda n, _: n != "alembic_version" and not is_ours(n))
    return metadata


def refused(connection: sa.Connection, metadata: sa.MetaData) -> Refusals:
    """Return which statements of a release that knows `metadata` fail here; changes nothing."""
    found: Refusals = {}
    for table in metadata.sorted_tables:
        for statement, error in tried(connection, table):
            found.setdefault(statement, error)
        connection.rollback()
    return found


def tried(connection: sa.Connection, table: sa.Table) -> Iterator[tuple[str, str]]:
    """Yield each statement that fails: whole rows, sparse rows, each column read and written."""
    nothing = {column.name: None for column in table.columns if column.nullable}
    rows = [values_of(connection, table, number) for number in (1, 2)]
    # Two whole rows, alike where no key forbids it: a release may write the same value twice.
    statements: list[sa.Executable] = [sa.insert(table).values(row) for row in rows]
    statements += [sa.insert(table).values(values_of(connection, table, 3) | nothing)]
    key = [column == rows[0][column.name] for column in table.primary_key]
    statements += [sa.select(table).where(*key)]
    for column in table.columns:
        if not column.primary_key:
            statements += [sa.update(table).where(*key).values({column: rows[0][column.name]})]
            if column.nullable:
                statements += [sa.update(table).where(*key).values({column: None})]
    statements += [sa.delete(table).where(*key)]
    for statement in statements:
        if error := attempt(connection, statement):
            yield text_of(statement, connection), error


def attempt(connection: sa.Connection, statement: Any) -> str | None:
    # On PostgreSQL a statement that fails spoils the transaction, elsewhere only itself.
    spoils = connection.dialect.name == "postgresql"
    try:
        with connection.begin_nested() if spoils else nullcontext():
            connection.execute(statement)
    except DBAPIError as error:
        return " ".join(str(error.orig).split())
    return None


def text_of(statement: Any, connection: sa.Connection) -> str:
    return " ".join(str(statement.compile(dialect=connection.dialect)).split())


def unproven(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[tuple[str, str]]:
    """Yield the tables that take none of the rows made for them here, and why; changes nothing."""
    for table in metadata.sorted_tables:
        error = insert(connection, table, (1, 2))
        connection.rollback()
        if error:
            yield table.name, error


def insert(
    connection: sa.Connection, table: sa.Table, numbers: Iterable[int], *, alike: bool = True
) -> str | None:
    """Insert such rows, of modest values if no others are taken; return why none is."""
    errors: list[str | None] = []
    for modest in (False, True):
        table.info["modest"] = modest  # and so are all that are made for it from now on
        rows = (values_of(connection, table, number, alike=alike) for number in numbers)
        errors = [attempt(connection, sa.insert(table).values(row)) for row in rows]
        if None in errors:
            return None
    return errors[0]


def values_of(
    connection: sa.Connection, table: sa.Table, number: int, *, alike: bool = True
) -> dict[str, Any]:
    """Return a row that types and keys allow; `alike` another one, wherever no key forbids it."""
    unique = {c.name for i in table.indexes if i.unique for c in i.columns}
    unique |= {c.name for c in table.primary_key}
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            unique |= {column.name for column in constraint.columns}
    row = {}
    for column in table.columns:
        parents = [key.column for key in column.foreign_keys]
        if parents:
            row[column.name] = parent_of(connection, parents[0], number)
        else:
            differs = column.name in unique or not alike
            make = modest_value_of if table.info.get("modest") else value_of
            row[column.name] = make(column, number if differs else 0)
    return row


def parent_of(connection: sa.Connection, column: sa.Column[Any], number: int) -> Any:
    """Return a value that `column` holds, another one for each number if it has them."""
    held = connection.scalars(sa.select(column).order_by(column).limit(number)).all()
    return held[-1] if held else None


MAKERS: dict[type, Callable[[int], Any]] = {
    bool: lambda number: False,
    int: lambda number: 900_000 + number,
    float: float,
    bytes: lambda number: b"v%d" % number,
}
LITERAL = re.compile(r"'((?:[^']|'')*)'")


def value_of(column: sa.Column[Any], number: int) -> Any:
    kind = column.type.python_type
    if kind in MAKERS:
        return MAKERS[kind](number)
    if isinstance(column.type, sa.CHAR):  # a UUID, where the engine has no such type
        return f"{number:0{column.type.length or 1}x}"
    if issubclass(kind, str):
        return f"v{number}"[-(getattr(column.type, "length", None) or 2) :]
    # MariaDB counts a DATETIME in whole seconds unless it is told otherwise, the others never do.
    digits = getattr(column.type, "fsp", 6) or 0
    moment = clock.now().replace(microsecond=int("123456"[:digits].ljust(6, "0")))
    of_time = {"datetime": moment, "date": moment.date(), "time": moment.time()}
    return of_time.get(kind.__name__, number)


def modest_value_of(column: sa.Column[Any], number: int) -> Any:
    """Return a value for a column that is checked: a small number, or one of those in the CHECK."""
    checks = [c for c in column.table.constraints if isinstance(c, sa.CheckConstraint)]
    words = [str(check.sqltext) for check in checks]
    about = " ".join(each for each in words if re.search(rf"\b{re.escape(column.name)}\b", each))
    kind = column.type.python_type
    if issubclass(kind, str) and (listed := LITERAL.findall(about)):
        return listed[number % len(listed)].replace("''", "'")
    small = kind is int and not column.primary_key
    return number + 1 if small else value_of(column, number)


def fill(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Put two rows into each table that has none, so that there is something to keep."""
    for table in metadata.sorted_tables:
        if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
            insert(connection, table, (11, 12), alike=False)
    connection.commit()


def rows_of(connection: sa.Connection, metadata: sa.MetaData) -> dict[str, list[Any]]:
    """Return what each column of these tables holds, in the order of the primary key."""
    found, inspector = {}, sa.inspect(connection)
    for table in [each for each in metadata.sorted_tables if inspector.has_table(each.name)]:
        stands = {each["name"] for each in inspector.get_columns(table.name)}
        columns = [column for column in table.columns if column.name in stands]
        query = sa.select(*columns).order_by(*table.primary_key)
        rows = connection.execute(query).all()
        for position, column in enumerate(columns):
            found[f"{table.name}.{column.name}"] = [row[position] for row in rows]
    connection.rollback()
    return found
