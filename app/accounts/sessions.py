"""The browsers that are logged in, as rows: what ends here has ended, whatever a cookie says."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm.attributes import set_committed_value

from app import audit, clock, crypto, throttle
from app.accounts.errors import Deactivated, Refusal, WrongLogin
from app.accounts.models import User, UserRole, UserSession
from app.audit import Actor
from app.db import affected, atomic, db

LONGEST = timedelta(days=30)  # however often it is used (SP 800-63B-4, AAL1)
IDLE_REMEMBERED = timedelta(days=14)
IDLE = timedelta(hours=12)
FRESH = timedelta(minutes=15)  # how long a proof of who somebody is lasts for their own account
FRESH_FOR_STAFF = timedelta(minutes=10)  # and for acts on other people's
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
    user: User,
    *,
    verified: str | None,
    by: Actor,
    remembered: bool,
    user_agent: str,
    receipts: Sequence[throttle.Receipt] = (),
) -> Started:
    """Log a browser in: one row, and the secret that belongs to it; give back what was spent.

    Raises WrongLogin where the hash that was `verified` is no longer the person's, or Deactivated:
    a log-in must not outlive the change beside it that ended all others.
    """
    # By its identity: asking for the id of a row that is expired reads it before the lock is there.
    identity = sa.inspect(user).identity
    row = db.session.get(User, identity, with_for_update=True, populate_existing=True)
    if row is None or row.password_hash != verified:
        raise WrongLogin
    if row.deactivated_at is not None:
        raise Deactivated
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
    note_person(user.id, now)
    db.session.add(session)
    # Until now they were a visitor; this is their own act.
    themselves = Actor.person(user, session.ip)
    audit.record("session.started", by=themselves, on=user, remembered=remembered)
    if receipts:  # at the end: everybody who logs in waits for one of these rows
        throttle.give_back(receipts)
    return Started(session, secret)


# Made once: every page runs it, and making it took longer than running it.
RESUMING = (
    sa.select(UserSession, User, sa.exists().where(UserRole.user_id == UserSession.user_id))
    .join(UserSession.user)
    .where(UserSession.digest == sa.bindparam("digest"))
)


class Resumed(NamedTuple):
    session: UserSession
    holds_role: bool  # else there is no need to ask what they may do


def resume(secret: str) -> Resumed:
    """Return the live session of this secret with its user, in one SELECT; note that it was seen.

    Raises Expired or Ended, whose words tell the person why.
    """
    row = db.session.execute(RESUMING, {"digest": crypto.digest(secret)}).one_or_none()
    if row is None or not row[1].is_active:
        raise Ended
    session, user, holds_role_now = row
    set_committed_value(session, "user", user)
    if not is_live(session):
        raise Expired
    if clock.now() - session.last_seen_at >= SEEN_EVERY:
        note_seen(session.id, session.user_id)
    return Resumed(session, bool(holds_role_now))


def is_live(session: UserSession) -> bool:
    """Whether the session is used often enough and not too old; a row may outlive that."""
    now = clock.now()
    idle = IDLE_REMEMBERED if session.remembered else IDLE
    return now - session.created_at < LONGEST and now - session.last_seen_at < idle


def expired_by(moment: datetime) -> sa.ColumnElement[bool]:
    """Which rows were not live any more at `moment`, nor will be."""
    idle_since = sa.case((UserSession.remembered, moment - IDLE_REMEMBERED), else_=moment - IDLE)
    return (UserSession.created_at <= moment - LONGEST) | (UserSession.last_seen_at <= idle_since)


def live(user: User) -> list[UserSession]:
    """Return the live sessions of `user`, the one seen last first."""
    rows = db.session.scalars(
        sa.select(UserSession)
        .where(UserSession.user_id == user.id)
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
    )
    return [row for row in rows if is_live(row)]


def is_fresh(session: UserSession, within: timedelta = FRESH) -> bool:
    """Whether whoever sits there proved who they are a short while ago."""
    return session.confirmed_at is not None and clock.now() - session.confirmed_at < within


@atomic
def note_seen(session_id: int, user_id: int) -> None:
    now = clock.now()
    note_person(user_id, now)  # before the session: whoever ends all of somebody's locks so
    row = sa.update(UserSession).where(UserSession.id == session_id)
    if not affected(row.values(last_seen_at=now)):
        raise Ended


SEEING: Any = sa.update(User.__table__).where(User.id == sa.bindparam("person"))  # type: ignore[arg-type]


def note_person(user_id: int, now: datetime) -> None:
    db.session.execute(SEEING, {"person": user_id, "last_seen_at": now})


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
    ended = end_of(user, session_id)
    if ended:
        audit.record("session.ended", by=by, on=user)
    return ended


def end_of(user: User, session_id: int) -> bool:
    """End one session of `user`, inside a verb; return whether there was one."""
    row = sa.delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user.id)
    return affected(row) > 0


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


def end_all(user: User) -> int:
    """End every session of `user`, inside a verb; return how many there were."""
    return affected(sa.delete(UserSession).where(UserSession.user_id == user.id))
