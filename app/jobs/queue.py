"""The rows: a job is added, claimed for as long as a lease lasts, and ended by whoever has it."""

import json
import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import TABLE_OPTIONS, Model, UTCDateTime, affected, atomic, big_id, db, key

log = logging.getLogger(__name__)

BATCH = 20  # jobs claimed at a time
LEASE = timedelta(minutes=5)  # a worker that says nothing for as long is taken for dead
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]  # then hourly
GIVE_UP_AFTER = timedelta(hours=24)

Settle = Callable[[], None]
Handler = Callable[..., Settle | None]
HANDLERS: dict[str, Handler] = {}
PERIODS: dict[str, timedelta] = {}


class Job(Model):
    """One thing to do. A claim moves `due_at` to the end of its lease; without one it gave up."""

    __tablename__ = "job"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str | None] = mapped_column(key(64), unique=True, index=True)  # of a periodic one
    payload: Mapped[str] = mapped_column(sa.Text)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    attempts: Mapped[int]
    claimed_by: Mapped[str | None] = mapped_column(sa.String(64))
    last_error: Mapped[str | None] = mapped_column(sa.String(255))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Later(Exception):
    """Raised by a handler: do it again at `due_at`. `reason` is for the staff, without secrets."""

    def __init__(self, due_at: datetime, reason: str) -> None:
        super().__init__(reason)
        self.due_at = due_at
        self.reason = reason


class Claimed(NamedTuple):
    """A job in hand, and the claim by which it may be ended: whoever claims it anew has another."""

    id: int
    kind: str
    payload: str
    attempts: int
    created_at: datetime
    claim: str


ADDING = sa.insert(Job.__table__)  # type: ignore[arg-type]


def add(kind: str, *, due_at: datetime | None = None, **payload: Any) -> None:
    """Write a job down, inside the verb that causes it; it is claimed once that has committed."""
    now = clock.now()
    row = {"kind": kind, "payload": json.dumps(payload), "due_at": due_at or now}
    db.session.execute(ADDING, row | {"attempts": 0, "created_at": now})


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register what does the jobs of this kind: outside any verb, with the payload as words.

    It ends within four minutes, and may be run again for a job that it has done. What it returns
    is called in the transaction that ends the job: one for both is half of the work.
    """

    def register(handle: Handler) -> Handler:
        HANDLERS[kind] = handle
        return handle

    return register


def periodic(kind: str, every: timedelta) -> Callable[[Handler], Handler]:
    """Register what is done once in each such period, by one of all the workers."""
    PERIODS[kind] = every
    return handler(kind)


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts that failed."""
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]


def is_due() -> bool:
    return db.session.scalar(due().with_only_columns(Job.id).limit(1)) is not None


def due() -> sa.Select[Job]:
    # Only what this release knows: a newer one's jobs wait for its own workers.
    return sa.select(Job).where(Job.due_at <= clock.now(), Job.kind.in_(HANDLERS))


@atomic
def claim() -> list[Claimed]:
    """Take up to BATCH jobs that nobody has, for as long as the lease lasts."""
    token = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(6)}"
    first = due().order_by(Job.due_at).limit(BATCH).with_for_update(skip_locked=True)
    rows = db.session.scalars(first).all()
    affected(
        sa.update(Job)
        .where(Job.id.in_([row.id for row in rows]))
        .values(due_at=clock.now() + LEASE, claimed_by=token, attempts=Job.attempts + 1)
    )
    return [
        Claimed(row.id, row.kind, row.payload, row.attempts + 1, row.created_at, token)
        for row in rows
    ]


@atomic
def finish(job: Claimed, settle: Settle | None = None) -> None:
    if settle is not None:
        settle()
    if job.kind in PERIODS:
        again = clock.now() + PERIODS[job.kind]
        values = {"due_at": again, "claimed_by": None, "attempts": 0, "last_error": None}
        affected(sa.update(Job).where(*still(job)).values(values))
    else:
        affected(sa.delete(Job).where(*still(job)))


@atomic
def put_off(job: Claimed, due_at: datetime | None, reason: str) -> None:
    values = {"due_at": due_at, "claimed_by": None, "last_error": reason[:255]}
    affected(sa.update(Job).where(*still(job)).values(values))


@atomic
def give_back(jobs: list[Claimed]) -> None:
    """Let somebody else do these now, as if they had not been claimed."""
    values = {"due_at": clock.now(), "claimed_by": None, "attempts": Job.attempts - 1}
    ids = [job.id for job in jobs]
    mine = sa.update(Job).where(Job.id.in_(ids), Job.claimed_by == jobs[0].claim)
    affected(mine.values(values))


def still(job: Claimed) -> tuple[sa.ColumnElement[bool], ...]:
    """A job that outlived its lease is in other hands: what became of it is theirs to say."""
    return Job.id == job.id, Job.claimed_by == job.claim


def arm() -> None:
    """Make the row of each periodic job that has none; of workers that start at once one does."""
    for kind in PERIODS:
        arm_one(kind)


@atomic
def arm_one(kind: str) -> None:
    if db.session.scalar(sa.select(Job.id).where(Job.name == kind)) is not None:
        return
    now = clock.now()
    row = Job(kind=kind, name=kind, payload="{}", due_at=now, attempts=0, created_at=now)
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        log.debug("another worker was faster")
