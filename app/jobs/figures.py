"""The queue from outside: how much waits, and how much was given up."""

from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa

from app import clock
from app.db import db
from app.jobs.queue import Job

MOST = 10_000  # rows counted; beyond it the number says no more than "far too many"


class Figures(NamedTuple):
    """`waiting` are due now, the oldest since `late`; `failed` were given up."""

    waiting: int
    late: timedelta
    failed: int


def figures() -> Figures:
    now = clock.now()
    oldest = db.session.scalar(sa.select(sa.func.min(Job.due_at)).where(Job.due_at <= now))
    return Figures(
        waiting=counted(Job.due_at <= now),
        late=now - oldest if oldest else timedelta(),
        failed=counted(Job.due_at.is_(None)),
    )


def counted(which: sa.ColumnElement[bool]) -> int:
    some = sa.select(Job.id).where(which).limit(MOST).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
