"""Pages by key: where one ends the next begins, however many rows came or went meanwhile."""

import base64
import functools
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.db import db

SIZE = 50
NOTHING: Mapping[str, Any] = MappingProxyType({})
Rows = sa.Select[*tuple[Any, ...]]  # of any columns


class Run(NamedTuple):
    """A stretch of a list, in the order of one column whose values are unique within it."""

    column: Any
    descending: bool = False
    where: sa.ColumnElement[bool] = sa.true()


class Page(NamedTuple):
    """Rows, and the cursors of the pages beside them, where there are any."""

    rows: Sequence[Any]
    previous: str | None
    next: str | None


class Place(NamedTuple):
    """Beyond which row a page lies, and on which side of it."""

    forward: bool
    run: int
    key: int | str


def page(
    query: Rows,
    runs: Sequence[Run],
    cursor: str | None,
    size: int = SIZE,
    values: Mapping[str, Any] = NOTHING,
) -> Page:
    """Return the page of `query` at `cursor`; the first one where the cursor leads nowhere.

    `values` are those of the parameters that `query` has.
    """
    place = read(cursor or "", runs)
    found = fetch(query, runs, place, size + 1, values)
    if not found and place:
        place, found = None, fetch(query, runs, None, size + 1, values)
    is_more, found = len(found) > size, found[:size]
    forward = place is None or place.forward
    if not forward:
        found.reverse()
    before, after = (place is not None, is_more) if forward else (is_more, True)
    return Page(
        rows=[row for _, row in found],
        previous=write(False, *found[0]) if found and before else None,
        next=write(True, *found[-1]) if found and after else None,
    )


def fetch(
    query: Rows, runs: Sequence[Run], place: Place | None, count: int, values: Mapping[str, Any]
) -> list[tuple[int, Any]]:
    """Return up to `count` rows beyond `place`, nearest first, each with the number of its run."""
    found: list[tuple[int, Any]] = []
    forward, first = (place.forward, place.run) if place else (True, 0)
    for number in range(first, len(runs)) if forward else range(first, -1, -1):
        is_inside = place is not None and number == place.run
        part = part_of(query, runs[number], forward, is_inside)
        key = {"page_beyond": place.key} if place and is_inside else {}
        limit = {"page_limit": count - len(found)}
        rows = db.session.execute(part, {**values, **key, **limit}).all()
        found += [(number, row) for row in rows]
        if len(found) == count:
            break
    return found


@functools.lru_cache
def part_of(query: Rows, run: Run, forward: bool, is_inside: bool) -> Rows:
    """Return what asks for rows of one run: made once, where the caller keeps its query."""
    column, ascending = run.column, run.descending != forward
    part = query.add_columns(column.label("page_key")).where(run.where)
    if is_inside:
        beyond = sa.bindparam("page_beyond", type_=column.type)
        part = part.where(column > beyond if ascending else column < beyond)
    part = part.order_by(column.asc() if ascending else column.desc())
    return part.limit(sa.bindparam("page_limit", type_=sa.Integer()))


def write(forward: bool, run: int, row: Any) -> str:
    text = json.dumps([forward, run, row.page_key])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str, runs: Sequence[Run]) -> Place | None:
    """Return the place that a cursor of this list names, or None: somebody wrote it by hand."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"===")
        forward, run, key = json.loads(text)
        is_place = type(forward) is bool and run in range(len(runs)) and fits(runs[run].column, key)
    except (ValueError, TypeError, RecursionError):
        return None
    return Place(forward, int(run), key) if is_place else None


def fits(column: Any, key: object) -> bool:
    """Whether `key` may be compared with the column, on every engine."""
    if isinstance(column.type, sa.String):
        # encode() refuses what no engine can hold; NUL is refused by PostgreSQL alone.
        return isinstance(key, str) and "\0" not in key and bool(key.encode())
    most = 2**63 - 1 if isinstance(column.type, sa.BigInteger) else 2**31 - 1
    return type(key) is int and 0 <= key <= most
