"""How a revision spells a value or a type in Python, which it can import no model for."""

import ast
import enum
import re
import textwrap
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.default import DefaultDialect

from app.db import UTCDateTime

WIDTH = 66  # of a string that stands indented; the longest name is not cut
STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
CONSTRUCTED = {date, datetime, time, timedelta, Decimal, uuid.UUID}


def plain(kind: Any) -> Any:
    """Return the type of SQLAlchemy's own that this one stands on in the end."""
    return plain(kind.impl) if is_decorator(kind) else kind


def is_decorator(kind: Any) -> bool:
    return isinstance(kind, sa.TypeDecorator) and not is_theirs(kind)


def is_theirs(kind: Any) -> bool:
    return type(kind).__module__.startswith("sqlalchemy.")


def value(table: str, column: sa.Column[Any], given: Any) -> str:
    """Return how a revision writes what the model gives, as the database has it, or raise."""
    kind, given = as_stored(column.type, given)
    if isinstance(kind, sa.Enum):
        process = kind.bind_processor(DefaultDialect())
        given = process(given) if process else given
    elif isinstance(given, enum.Enum):
        given = given.value
    if isinstance(given, datetime) and given.tzinfo:
        given = given.astimezone(UTC)
    has_zone = getattr(given, "tzinfo", None) not in {None, UTC}
    if type(given) in CONSTRUCTED and not has_zone:
        return repr(given).replace("datetime.timezone.utc", "UTC").replace("datetime.", "", 1)
    if not is_literal(given):
        raise CommandError(
            f"The default= of {table}.{column.name} is of type {type(given).__name__}, which a "
            "revision cannot write: let it be empty first (`| None`), and fill it by a backfill "
            "of your own."
        )
    return text(given) if type(given) is str else repr(given)


def text(given: str) -> str:
    """Return a string as Python has it, in pieces where one line would not hold it."""
    words = textwrap.TextWrapper(
        WIDTH, expand_tabs=False, replace_whitespace=False, drop_whitespace=False
    )
    pieces = words.wrap(given) if len(repr(given)) > WIDTH else [given]
    return repr(given) if len(pieces) < 2 else f"({' '.join(map(repr, pieces))})"


def in_pieces(code: str) -> str:
    """Return code of Alembic's with the strings in pieces that no line would hold."""
    return STRING.sub(
        lambda found: found[0] if len(found[0]) <= WIDTH else text(ast.literal_eval(found[0])), code
    )


def as_stored(kind: Any, given: Any) -> tuple[Any, Any]:
    """Return the type that a decorator stands on, and what it makes of the value."""
    while is_decorator(kind) and not isinstance(kind, UTCDateTime):
        if type(kind).process_bind_param is not sa.TypeDecorator.process_bind_param:
            given = kind.process_bind_param(given, DefaultDialect())
        kind = kind.impl
    return kind, given


def is_literal(given: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(given)) == given)
    except (ValueError, SyntaxError):
        return False


def type_of_ours(kind: Any, context: AutogenContext) -> str | Literal[False]:
    """Return a type that SQLAlchemy has not, as it is frozen in ddl or as what it stands on."""
    variants = getattr(kind, "_variant_mapping", {})
    if isinstance(kind, UTCDateTime):
        return "ddl.timestamp()"
    if isinstance(kind, sa.BigInteger) and "sqlite" in variants:
        return "ddl.big_id()"
    collation = getattr(variants.get("postgresql"), "collation", None)
    if isinstance(kind, sa.String) and collation == "C":
        return f"ddl.key({kind.length})"
    if isinstance(kind, postgresql.JSONB) and not variants:
        return "postgresql.JSONB()"  # Alembic adds a type that it does not import
    if is_theirs(kind):
        return False
    same = sa.TypeDecorator.load_dialect_impl
    if is_decorator(kind) and not variants and type(kind).load_dialect_impl is same:
        return str(render._repr_type(kind.impl, context))
    raise CommandError(
        f"{type(kind).__name__} is no type of SQLAlchemy's, and a revision imports no model: let "
        "it be a TypeDecorator that stands on one, the same on each engine, or write the revision "
        "by hand, from `flask db revision`."
    )
