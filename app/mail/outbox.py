"""The rows: what is written with a change, what staff may see of it, and trying one again now."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock, crypto, jobs, throttle
from app.audit import Actor, Subject
from app.db import TABLE_OPTIONS, Model, UTCDateTime, affected, atomic, big_id, db, key, pages
from app.db.pages import Page, Run

DELIVER = "mail.deliver"  # the kind of job that delivers one
LONGEST = timedelta(hours=24)  # how long delivery is tried
COUNTED = 1000  # what is counted for a page, and no further


class State:
    """Where a mail is: QUEUED → SENDING → SENT, or DEFERRED and again, or one of the other ends."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"  # the server said "later", or was not there
    REFUSED = "refused"  # the server said "no"
    EXPIRED = "expired"  # a day has passed, or the link in it has died
    DROPPED = "dropped"  # over the recipient's budget


class Mail(Model):
    """One mail to one recipient."""

    __tablename__ = "mail"
    __table_args__ = (
        sa.Index(None, "user_id", "id"),
        sa.Index(None, "recipient_key", "id"),
        sa.Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    recipient_key: Mapped[str] = mapped_column(key(254))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"))
    language: Mapped[str] = mapped_column(sa.String(16))
    sealed: Mapped[str | None] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(255))
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    next_try_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


WRITING = sa.insert(Mail.__table__)  # type: ignore[arg-type]


def is_off() -> bool:
    """Whether this site sends no mail at all (MAIL_SERVER=none): no address can be proved."""
    return current_app.config["MAIL_SERVER"] == "none"


def is_kept() -> bool:
    """Whether this is a development site without a server: its mails are read at /dev/mail."""
    return not current_app.config["MAIL_SERVER"]


def has_room(to_key: str) -> bool:
    """Count a mail that a stranger causes, inside a verb; whether its recipient can have it.

    Asked before a link is made for it: a link that nobody gets must not end one that works.
    """
    return not is_off() and throttle.within(
        (throttle.MAIL_PER_HOUR, to_key), (throttle.MAIL_PER_DAY, to_key)
    )


def send(
    kind: str,
    *,
    to: str,
    to_key: str,
    user: Subject | None,
    room: bool = True,
    lifetime: timedelta | None = None,
    **parameters: Any,
) -> None:
    """Write a mail down, inside the verb that causes it; it goes out once that has committed.

    `kind` names its templates, mail/<kind>.txt and .html, which get `parameters`. `lifetime` is
    that of the link in it. One that found no `room` is dropped, and counted as such. A site
    without mail does nothing here.
    """
    if is_off():
        return
    row = written_down(kind, to, to_key, parameters)
    row["user_id"] = user.id if user else None
    row["expires_at"] = row["created_at"] + min(lifetime or LONGEST, LONGEST)
    if room:
        jobs.add(DELIVER, mail=insert(row))
        return
    at_an_end = {"next_try_at": None, "ended_at": row["created_at"]}
    insert(row | at_an_end | {"state": State.DROPPED, "sealed": None})


def written_down(kind: str, to: str, to_key: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a new row, ready to be delivered at once and for a day."""
    now = clock.now()
    return {
        "kind": kind,
        "recipient": to,
        "recipient_key": to_key,
        "user_id": None,
        "language": "en",
        "sealed": crypto.seal(json.dumps(parameters, ensure_ascii=False)),
        "state": State.QUEUED,
        "attempts": 0,
        "created_at": now,
        "next_try_at": now,
        "expires_at": now + LONGEST,
        "ended_at": None,
    }


def insert(row: dict[str, Any]) -> int:
    """Write a row, inside a verb, and return its id."""
    written: Any = db.session.execute(WRITING, row)
    return int(written.inserted_primary_key[0])


def link(endpoint: str, **values: Any) -> str:
    """Return the address of a page for a mail: its host is PUBLIC_URL's, never a request's."""
    public = urlsplit(current_app.config["PUBLIC_URL"])
    site = current_app.url_map.bind(public.netloc, url_scheme=public.scheme)
    return site.build(endpoint, values, force_external=True)


# What staff may see of a mail.
SHOWN = (
    Mail.id,
    Mail.kind,
    Mail.recipient,
    Mail.user_id,
    Mail.state,
    Mail.reason,
    Mail.attempts,
    Mail.created_at,
    Mail.next_try_at,
    Mail.ended_at,
)


def search(
    *,
    state: str | None = None,
    recipient_key: str | None = None,
    cursor: str | None = None,
    size: int = pages.SIZE,
) -> Page:
    """Return one page of mails, newest first; a filter that is not given lets all of them in."""
    mails = sa.select(*SHOWN)
    if state:
        mails = mails.where(Mail.state == state)
    if recipient_key:
        mails = mails.where(Mail.recipient_key == recipient_key)
    return pages.page(mails, [Run(Mail.id, descending=True)], cursor, size)


def how_many(state: str, *, since: datetime | None = None) -> int:
    """Return how many of the newest mails in this state there are, up to COUNTED and one more."""
    of_state = sa.select(Mail.created_at).where(Mail.state == state)
    newest = of_state.order_by(Mail.id.desc()).limit(COUNTED + 1).subquery()
    number = sa.select(sa.func.count()).select_from(newest)
    if since:
        number = number.where(newest.c.created_at >= since)
    return db.session.scalar(number) or 0


def newest(limit: int) -> Sequence[Mail]:
    """Return the newest mails, sealed parts and all: for /dev/mail, which shows what they say."""
    return db.session.scalars(sa.select(Mail).order_by(Mail.id.desc()).limit(limit)).all()


def get(mail_id: int) -> Mail | None:
    return db.session.get(Mail, mail_id)


def of(user: Subject, limit: int = 20) -> Sequence[Any]:
    """Return the newest mails that were written to this person, newest first."""
    mine = sa.select(*SHOWN).where(Mail.user_id == user.id)
    return db.session.execute(mine.order_by(Mail.id.desc()).limit(limit)).all()


@atomic
def retry(mail_id: int, *, by: Actor) -> bool:
    """Have a mail that was put off tried again now; return whether there was such a one."""
    now = clock.now()
    waiting = sa.update(Mail).where(Mail.id == mail_id, Mail.state == State.DEFERRED)
    if affected(waiting.where(Mail.next_try_at > now).values(next_try_at=now)) != 1:
        return False
    # Beside the job that waits for its time: whichever comes later finds nothing to do.
    jobs.add(DELIVER, mail=mail_id)
    audit.record("mail.retried", by=by, on=None, mail=mail_id)
    return True
