"""A string that may be longer from now on: in a moment, or not at all."""

import functools
import re

import sqlalchemy as sa
from alembic import op

from app.schema import rebuild
from app.schema.engine import brief, dialect, done, execute, quoted
from app.schema.tighten import modify


def widen(table: str, column: str, kind: sa.String) -> None:
    """Let the strings of this column be as long as in this type, which is its own but for that.

    Over rows, MariaDB cannot take it from 32 to 63 characters to more than that.
    """
    if done(lambda inspector: length_of(inspector, table, column) >= (kind.length or 0)):
        return
    if dialect() == "postgresql":
        words = kind.compile(dialect=op.get_context().dialect)
        with brief():
            execute(f"ALTER TABLE {quoted(table)} ALTER {quoted(column)} TYPE {words}")
    elif dialect() == "mariadb":
        modify(table, column, kind=f"varchar({kind.length})")
    else:
        begin = rf"""\A(\s*["`[]?{re.escape(column)}\W+\w*CHAR\w*\s*\()\d+"""
        longer = functools.partial(re.compile(begin, re.IGNORECASE).sub, rf"\g<1>{kind.length}")
        rebuild.edit(table, lambda items: [longer(item) for item in items], "column")


def length_of(inspector: sa.Inspector, table: str, column: str) -> float:
    types = {each["name"]: each["type"] for each in inspector.get_columns(table)}
    return getattr(types[column], "length", None) or float("inf")
