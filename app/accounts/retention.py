"""What is swept out once it is over: sessions, links, limits, held forms, mails, audit lines.

Each walks its table by key, a window at a time, so that no statement takes longer because the
table is large; what a window holds that is over goes in one short verb.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app

from app import clock, jobs, throttle
from app.accounts import sessions
from app.accounts.models import HeldForm, UserSession, UserToken
from app.audit import AuditEvent
from app.db import affected, atomic, db
from app.mail import Mail

log = logging.getLogger(__name__)

Over = Callable[[], sa.ColumnElement[bool]]

EVERY = timedelta(hours=1)
DAILY = timedelta(days=1)
WINDOW = 200  # rows looked at, and at most let go, at a time

# Whoever comes back within it is told that they were away for long, not that somebody ended it.
SESSION_KEPT = timedelta(days=7)
MAIL_KEPT = timedelta(days=30)  # after its end, for the staff to answer "did you get our mail?"


@jobs.periodic("accounts.sweep_sessions", every=EVERY)
def sweep_sessions() -> None:
    sweep(UserSession.id, lambda: sessions.expired_by(clock.now() - SESSION_KEPT))


@jobs.periodic("accounts.sweep_tokens", every=EVERY)
def sweep_tokens() -> None:
    sweep(UserToken.id, lambda: UserToken.expires_at <= clock.now())


@jobs.periodic("accounts.sweep_limits", every=EVERY)
def sweep_limits() -> None:
    sweep(throttle.Counter.key, lambda: throttle.Counter.resets_at <= clock.now())


@jobs.periodic("accounts.sweep_held_forms", every=EVERY)
def sweep_held_forms() -> None:
    sweep(HeldForm.id, lambda: HeldForm.held_at <= clock.now() - sessions.FRESH)


@jobs.periodic("accounts.sweep_mails", every=DAILY)
def sweep_mails() -> None:
    sweep(Mail.id, lambda: Mail.ended_at < clock.now() - MAIL_KEPT)


@jobs.periodic("accounts.sweep_audit", every=DAILY)
def sweep_audit() -> None:
    """Let go of the audit lines that are older than AUDIT_DAYS; 0 keeps all of them."""
    if days := current_app.config["AUDIT_DAYS"]:
        sweep(AuditEvent.id, lambda: AuditEvent.at < clock.now() - timedelta(days=days))


def sweep(key: Any, is_over: Over) -> int:
    """Let go of every row that is over, by key, and return how many there were."""
    gone, rows = 0, sa.select(key, is_over().label("is_over")).order_by(key).limit(WINDOW)
    window = db.session.execute(rows).all()
    while window:
        if over := [row[0] for row in window if row.is_over]:
            gone += remove(key, over, is_over)
        window = db.session.execute(rows.where(key > window[-1][0])).all()
    if gone:
        log.info("%s: %s rows let go", key.class_.__tablename__, gone)
    return gone


@atomic
def remove(key: Any, keys: Sequence[Any], is_over: Over) -> int:
    """Delete those of these rows that still are over; what somebody has in hand is left to them."""
    free = sa.select(key).where(key.in_(keys), is_over()).with_for_update(skip_locked=True)
    found = db.session.scalars(free).all()
    return affected(sa.delete(key.class_).where(key.in_(found))) if found else 0
