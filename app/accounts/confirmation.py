"""Confirm it's you: proving again who sits there, and holding what they were about to do."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from app import audit, clock, crypto
from app.accounts import authentication, sessions
from app.accounts.errors import WrongPassword
from app.accounts.models import HeldForm, User, UserSession
from app.audit import Actor
from app.db import affected, atomic, db

MOST_HELD = 45_000  # bytes: what MariaDB's TEXT takes once it is sealed


class Held(NamedTuple):
    """What waits: where it was going, the answers, without passwords, and the act in words."""

    address: str
    answers: Sequence[tuple[str, str]]
    act: str = ""


def confirm(session: UserSession, password: str, *, by: Actor) -> str:
    """Note that whoever sits there knows the password, or raise WrongPassword.

    Returns the session's new secret: what was seen of the old one is worth nothing (ASVS 7.2.4).
    """
    key = sessions.key_of(session)
    verified = authentication.check_current(session.user, password, by=by)
    return note_confirmed(session.user, verified, by=by, here=key)


@atomic
def note_confirmed(user: User, verified: str, *, by: Actor, here: sessions.Key) -> str:
    stands = sa.select(User.password_hash).where(User.id == user.id).with_for_update()
    if db.session.scalar(stands) != verified:  # it was changed meanwhile
        raise WrongPassword
    secret = sessions.renew(here, confirmed_at=clock.now())
    audit.record("session.confirmed", by=by, on=user)
    return secret


@atomic
def hold(session: UserSession, held: Held, *, by: Actor) -> str:
    """Keep one act for this session, in place of any before it; too large a one is not kept.

    Returns the secret by which it is asked for: whoever shares the session by a stolen cookie
    could otherwise put an act of theirs in the place of one that is about to be confirmed.
    """
    secret, text = crypto.secret(), json.dumps(held, ensure_ascii=False)
    here = sessions.locked(session)
    affected(sa.delete(HeldForm).where(HeldForm.session_id == here.id))
    if len(text.encode()) <= MOST_HELD:
        row = HeldForm(
            session_id=here.id,
            digest=crypto.digest(secret),
            sealed=crypto.seal(text),
            held_at=clock.now(),
        )
        db.session.add(row)
    return secret


def held(session: UserSession, secret: str) -> Held | None:
    """Return what waits under this secret, or None. It waits as long as a confirmation lasts."""
    row = db.session.scalar(sa.select(HeldForm).where(*waiting(session, secret)))
    if row is None or clock.now() - row.held_at >= sessions.FRESH:
        return None
    text = crypto.unseal(row.sealed)
    return Held(*json.loads(text)) if text else None


@atomic
def forget(session: UserSession, secret: str, *, by: Actor) -> None:
    """Let go of what was held: it has been done."""
    affected(sa.delete(HeldForm).where(*waiting(session, secret)))


def waiting(session: UserSession, secret: str) -> tuple[sa.ColumnElement[bool], ...]:
    return HeldForm.session_id == session.id, HeldForm.digest == crypto.digest(secret)
