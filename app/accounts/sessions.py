"""The browsers that are logged in, as rows: what ends here has ended, whatever a cookie says."""

from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import contains_eager

from app import audit, clock, crypto
from app.accounts.errors import Refusal, WrongLogin
from app.accounts.models import User, UserSession
from app.audit import Actor
from app.db import affected, atomic, db

LONGEST = timedelta(days=30)  # however often it is used (SP 800-63B-4, AAL1)
IDLE_REMEMBERED = timedelta(days=14)
IDLE = timedelta(hours=12)
FRESH = timedelta(minutes=15)  # how long a proof of who somebody is lasts for their own account
SEEN_EVERY = timedelta(minutes=5)  # a write for each page would be the dearest thing on it


class Expired(Refusal):
    message = _l("You need to log in again: you have not used this site for a while.")


class Ended(Refusal):
    message = _l("You need to log in again: this session was ended, here or from another device.")


class Started(NamedTuple):
    session: UserSession
    secret: str  # for the cookie; it exists nowhere else


@atomic
def start(
    user: User, *, verified: str | None, by: Actor, remembered: bool, user_agent: str
) -> Started:
    """Log a browser in: one row, and the secret that belongs to it.

    Raises WrongLogin where the hash that was `verified` is no longer the person's: a log-in with
    the old password must not outlive the change that ended all others.
    """
    stands = sa.select(User.password_hash).where(User.id == user.id).with_for_update()
    if db.session.scalar(stands) != verified:
        raise WrongLogin
    secret, now = crypto.secret(), clock.now()
    session = UserSession(
        user_id=user.id,
        digest=crypto.digest(secret),
        remembered=remembered,
        ip=by.ip or "",
        user_agent=user_agent[:256],
        created_at=now,
        last_seen_at=now,
        confirmed_at=now,
    )
    db.session.add(session)
    audit.record("session.started", by=by, on=user, remembered=remembered)
    return Started(session, secret)


def resume(secret: str) -> UserSession:
    """Return the live session of this secret with its user, in one SELECT; note that it was seen.

    Raises Expired or Ended, whose words tell the person why.
    """
    session = db.session.scalar(
        sa.select(UserSession)
        .join(UserSession.user)
        .options(contains_eager(UserSession.user))
        .where(UserSession.digest == crypto.digest(secret))
    )
    if session is None:
        raise Ended
    if not is_live(session):
        raise Expired
    if clock.now() - session.last_seen_at >= SEEN_EVERY:
        note_seen(session.id)
    return session


def is_live(session: UserSession) -> bool:
    """Whether the session is used often enough and not too old; a row may outlive that."""
    now = clock.now()
    idle = IDLE_REMEMBERED if session.remembered else IDLE
    return now - session.created_at < LONGEST and now - session.last_seen_at < idle


def live(user: User) -> list[UserSession]:
    """Return the live sessions of `user`, the one seen last first."""
    rows = db.session.scalars(
        sa.select(UserSession)
        .where(UserSession.user_id == user.id)
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
    )
    return [row for row in rows if is_live(row)]


def is_fresh(session: UserSession) -> bool:
    """Whether whoever sits there proved who they are a short while ago."""
    return session.confirmed_at is not None and clock.now() - session.confirmed_at < FRESH


@atomic
def note_seen(session_id: int) -> None:
    row = sa.update(UserSession).where(UserSession.id == session_id)
    if not affected(row.values(last_seen_at=clock.now())):
        raise Ended


class Key(NamedTuple):
    """Which session, and by which secret's digest it was resumed."""

    id: int
    digest: str


def key_of(session: UserSession) -> Key:
    """Return the key of a session as it was resumed; a verb would read the row anew."""
    return Key(session.id, session.digest)


def renew(key: Key, **columns: Any) -> str:
    """Return a new secret for the session; the one before is dead from here on (ASVS 7.2.4).

    What else is to change in its row goes along as `columns`.

    Raises Ended where the session, or the secret by which it was resumed, is no more.
    """
    secret = crypto.secret()
    row = sa.update(UserSession).where(UserSession.id == key.id, UserSession.digest == key.digest)
    if not affected(row.values(digest=crypto.digest(secret), **columns)):
        raise Ended
    return secret


def locked(session: UserSession) -> UserSession:
    """Return the session's row, which nobody can end until the verb is done, or raise Ended."""
    row = db.session.get(UserSession, session.id, with_for_update=True)
    if row is None:
        raise Ended
    return row


@atomic
def end(secret: str, *, by: Actor) -> None:
    """Log the browser with this secret out, on the server, now. Ending it twice is no error."""
    session = db.session.scalar(
        sa.select(UserSession).where(UserSession.digest == crypto.digest(secret)).with_for_update()
    )
    if session is not None:
        db.session.delete(session)
        audit.record("session.ended", by=by, on=session.user)


@atomic
def end_one(user: User, session_id: int, *, by: Actor, here: UserSession) -> bool:
    """End another session of `user`, and nobody else's; return whether there was one.

    Raises Ended where the session that asks has ended itself.
    """
    if session_id == locked(here).id:
        return False
    ended = affected(
        sa.delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user.id)
    )
    if ended:
        audit.record("session.ended", by=by, on=user)
    return bool(ended)


@atomic
def end_all_others(user: User, *, by: Actor, here: UserSession) -> int:
    """End every session of `user` but this one; return how many there were. Raises Ended."""
    ended = end_others(user, locked(here).id)
    if ended:
        audit.record("sessions.ended", by=by, on=user, sessions_ended=ended)
    return ended


def end_others(user: User, keep: int) -> int:
    """End every session of `user` but the one with the id `keep`; return how many there were."""
    return affected(
        sa.delete(UserSession).where(UserSession.user_id == user.id, UserSession.id != keep)
    )
