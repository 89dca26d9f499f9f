"""The figures of the staff's first page: counted by the worker, so that no page has to."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from app import clock, jobs
from app.accounts.models import DailyCount, User
from app.audit import AuditEvent
from app.db import atomic, db
from app.db.upserts import upsert

EVERY = timedelta(minutes=5)
DAYS = 30
# A line of the audit trail is written with the time at which its verb began; none takes this long.
SETTLED = timedelta(hours=1)

PEOPLE = "people"
ACTIVE = "active"
FAILED = "failed-logins"
SIGN_UPS = "sign-ups"


class Figure(NamedTuple):
    """What a figure was on one day."""

    day: date
    name: str
    value: int


class Dashboard(NamedTuple):
    """The figures as they were last counted, and the sign-ups of each day, the oldest first."""

    people: int
    active: int
    failed: int
    sign_ups: list[tuple[date, int]]
    counted_at: datetime

    @property
    def total(self) -> int:
        return sum(number for _, number in self.sign_ups)

    @property
    def is_stale(self) -> bool:
        """Whether they are older than a worker that runs would let them be."""
        return clock.now() - self.counted_at > 3 * EVERY


def dashboard() -> Dashboard | None:
    """Return the figures in one SELECT, or None where nobody has ever counted."""
    today = clock.now().date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    rows = db.session.execute(
        sa.select(DailyCount.day, DailyCount.name, DailyCount.value, DailyCount.counted_at)
        .where(DailyCount.day >= days[0])
        .order_by(DailyCount.day)
    ).all()
    if not rows:
        return None
    last = {row.name: row.value for row in rows}
    sign_ups = {row.day: row.value for row in rows if row.name == SIGN_UPS}
    return Dashboard(
        people=last.get(PEOPLE, 0),
        active=last.get(ACTIVE, 0),
        failed=last.get(FAILED, 0),
        sign_ups=[(day, sign_ups.get(day, 0)) for day in days],
        counted_at=max(row.counted_at for row in rows),
    )


@jobs.periodic("statistics.count", every=EVERY)
def count() -> None:
    """Count what can have changed since the last time. Twice, or twice at once, does no harm."""
    store(list(counted()))


def counted() -> Iterator[Figure]:
    today = clock.now().date()
    midnight = start_of(today)
    yield Figure(today, PEOPLE, how_many(User.id))
    yield Figure(today, ACTIVE, how_many(User.id, User.last_seen_at >= midnight))
    yield Figure(today, FAILED, acts_on(today, "login.failed"))
    for day in unsettled(today):
        yield Figure(day, SIGN_UPS, acts_on(day, "user.registered"))


def unsettled(today: date) -> list[date]:
    """Return the days whose sign-ups were not counted since they were over."""
    first = today - timedelta(days=DAYS - 1)
    rows = db.session.execute(
        sa.select(DailyCount.day, DailyCount.counted_at).where(
            DailyCount.name == SIGN_UPS, DailyCount.day >= first
        )
    )
    settled = {day for day, at in rows if at >= start_of(day + timedelta(days=1)) + SETTLED}
    days = (first + timedelta(days=number) for number in range(DAYS))
    return [day for day in days if day not in settled]


def acts_on(day: date, event: str) -> int:
    return how_many(
        AuditEvent.id,
        AuditEvent.at >= start_of(day),
        AuditEvent.at < start_of(day + timedelta(days=1)),
        AuditEvent.event == event,
    )


def how_many(ids: Any, *rules: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count(ids)).where(*rules)) or 0


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@atomic
def store(figures: list[Figure]) -> None:
    """Write the figures down, in place of those that were counted before."""
    now = clock.now()
    rows = [{**figure._asdict(), "counted_at": now} for figure in figures]
    newer = upsert(
        db.engine.dialect.name,
        DailyCount,
        rows,
        lambda new: [("value", new.value), ("counted_at", new.counted_at)],
    )
    db.session.execute(newer)
