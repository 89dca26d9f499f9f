"""After SECRET_KEY has changed: what the keys before it sealed is sealed again under today's.

Jobs that hold something sealed are done within a day; the keys before serve them meanwhile.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app import crypto
from app.accounts.models import HeldForm
from app.db import affected, atomic, db
from app.mail import Mail

SEALED: list[InstrumentedAttribute[Any]] = [Mail.sealed, HeldForm.sealed]
BATCH = 100


class Progress(NamedTuple):
    """What became of one batch: sealed again, and opened by none of our keys."""

    column: str
    done: int
    unreadable: int


class Resealed(NamedTuple):
    id: int
    before: str
    after: str


def reseal_all() -> Iterator[Progress]:
    """Seal again what needs it, a batch at a time; may be stopped and run again at any moment."""
    for column in SEALED:
        after = 0
        while rows := batch(column, after):
            after = rows[-1].id
            old = [row for row in rows if not crypto.is_sealed_today(row.sealed)]
            new = [
                Resealed(row.id, row.sealed, text)
                for row in old
                if (text := crypto.resealed(row.sealed))
            ]
            yield Progress(str(column), write(column, new) if new else 0, len(old) - len(new))


def batch(column: InstrumentedAttribute[Any], after: int) -> Any:
    key = column.class_.id
    rows = sa.select(key, column.label("sealed")).where(key > after, column.is_not(None))
    return db.session.execute(rows.order_by(key).limit(BATCH)).all()


@atomic
def write(column: InstrumentedAttribute[Any], rows: list[Resealed]) -> int:
    """Write what still stands as it was read: a mail may have been sent, and erased, meanwhile."""
    return sum(
        affected(
            sa.update(column.class_)
            .where(column.class_.id == row.id, column == row.before)
            .values({column.key: row.after})
        )
        for row in rows
    )
