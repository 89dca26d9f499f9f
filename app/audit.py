"""The audit trail: append-only rows, written inside the verb's transaction, outliving everybody.

It knows no tables of people: an actor and a subject are an id and the name at that moment.
"""

import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import TABLE_OPTIONS, Model, UTCDateTime, big_id, db, pages
from app.db.pages import Page, Run

# Each event and the details it must come with; a misspelt one raises.
EVENTS: dict[str, set[str]] = {
    "user.registered": {"email"},
    "user.created": {"email"},
    "session.started": {"remembered"},
    "session.ended": set(),
    "sessions.ended": {"sessions_ended"},
    "session.confirmed": set(),
    "login.failed": set(),
    "password.changed": {"sessions_ended"},
    "password.refused": set(),
    "password.rehashed": set(),
    # The address
    "email.claimed": {"email"},
    "email.claim_dropped": {"email"},
    "email.confirmed": {"email"},
    "code.refused": set(),  # a guess of the mailed code
    "email.corrected": {"before", "after", "reason"},  # by staff
    # Getting back in
    "password.reset_requested": set(),
    "password.reset_link_made": {"reason"},  # by staff
    "password.reset": {"sessions_ended"},
    "password.set": {"sessions_ended"},  # by the operator
    # The life of an account, and what it may do
    "user.deactivated": {"reason", "sessions_ended"},
    "user.reactivated": {"reason"},
    "user.removed": {"reason"},
    "role.granted": {"role"},
    "role.revoked": {"role"},
    "role.created": {"role", "permissions"},
    "role.changed": {"role", "before", "after"},
    "role.deleted": {"role"},
    "setup.link_made": set(),
    "mail.retried": {"mail"},
}


class Subject(Protocol):
    @property
    def id(self) -> Any: ...
    @property
    def name(self) -> Any: ...


class Named(NamedTuple):
    """Somebody as the trail knows them, for a verb that need not read the row again."""

    id: int
    name: str | None


@dataclass(frozen=True)
class Actor:
    """Who does it: a stranger, a person, the operator at the command line, or the site itself."""

    kind: str
    ip: str | None = None
    id: int | None = None
    name: str | None = None

    @classmethod
    def visitor(cls, ip: str) -> Self:
        return cls("visitor", ip)

    @classmethod
    def person(cls, user: Subject, ip: str) -> Self:
        return cls("person", ip, user.id, user.name)

    @classmethod
    def operator(cls) -> Self:
        return cls("operator")

    @classmethod
    def system(cls) -> Self:
        """The site itself, in a job that nobody asked for."""
        return cls("system")


class AuditEvent(Model):
    """One act: who, on whom, what, when and from where."""

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.Index(None, "subject_id", "id"),
        sa.Index(None, "actor_id", "id"),
        sa.Index(None, "event", "id"),
        sa.Index(None, "at"),
        sa.Index(None, "ip", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    event: Mapped[str] = mapped_column(sa.String(64))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    actor_id: Mapped[int | None]
    actor_name: Mapped[str | None] = mapped_column(sa.String(32))
    subject_id: Mapped[int | None]
    subject_name: Mapped[str | None] = mapped_column(sa.String(32))
    ip: Mapped[str | None] = mapped_column(sa.String(45))
    details: Mapped[str] = mapped_column(sa.Text)


# A row, and no object of it: nobody asks for it again, and a flush takes three times as long.
WRITING = sa.insert(AuditEvent.__table__)  # type: ignore[arg-type]


def record(event: str, *, by: Actor, on: Subject | None, **details: Any) -> None:
    """Write one act down, or raise ValueError for an event or a detail nobody agreed on."""
    if details.keys() != EVENTS.get(event):
        raise ValueError(f"{event} takes {EVENTS.get(event)}, not {set(details)}")
    row = {
        "at": clock.now(),
        "event": event,
        "actor_kind": by.kind,
        "actor_id": by.id,
        "actor_name": clipped(by.name),
        "subject_id": on.id if on else None,
        "subject_name": clipped(on.name) if on else None,
        "ip": by.ip,
        "details": json.dumps(details, ensure_ascii=False),
    }
    db.session.execute(WRITING, row)


def clipped(name: str | None) -> str | None:
    """SQLite never held the tutorial's names to 32 characters; this column is held to them."""
    return name[:32] if name else None


def history(subject: Subject, limit: int = 20) -> Sequence[AuditEvent]:
    """Return what happened to `subject`, newest first."""
    return db.session.scalars(
        sa.select(AuditEvent)
        .where(AuditEvent.subject_id == subject.id)
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    ).all()


def search(
    *,
    who: int | None = None,
    whom: int | None = None,
    event: str | None = None,
    ip: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
) -> Page:
    """Return one page of the trail, newest first: what this id did, to that one, and so on."""
    rules = [
        (operator.eq, AuditEvent.actor_id, who),
        (operator.eq, AuditEvent.subject_id, whom),
        (operator.eq, AuditEvent.event, event),
        (operator.eq, AuditEvent.ip, ip),
        (operator.ge, AuditEvent.at, since),
        (operator.lt, AuditEvent.at, until),
    ]
    acts = sa.select(*AuditEvent.__table__.columns)
    acts = acts.where(*(rule(column, value) for rule, column, value in rules if value is not None))
    return pages.page(acts, [Run(AuditEvent.id, descending=True)], cursor)
