"""Delivering: one guarded step into SENDING, then whatever the server makes of it.

A worker that dies while it sends leaves a row that the next one takes up when the lease is over;
the mail may then come twice, under one Message-ID, but it is not lost.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import gettext as _

from app import clock, jobs
from app.db import affected, atomic, db
from app.jobs import LEASE, Later
from app.mail import smtp
from app.mail.outbox import DELIVER, Mail, State, insert, is_kept, is_off, written_down
from app.mail.rendering import Unreadable, parameters_of, rendered

log = logging.getLogger(__name__)

WAITING = {State.QUEUED, State.DEFERRED, State.SENDING}


class Outcome(NamedTuple):
    """How a try ended: the state, what was said, and when there will be another."""

    state: str
    reason: str
    next_try_at: datetime | None = None


Check = Callable[..., bool]
CHECKS: dict[str, Check] = {}


def check(kind: str) -> Callable[[Check], Check]:
    """Register what says of a mail of this kind, by its parameters, whether its link still works.

    It is asked before each try: a mail whose link has died meanwhile expires instead.
    """

    def register(works: Check) -> Check:
        CHECKS[kind] = works
        return works

    return register


@jobs.handler(DELIVER)
def deliver(mail: int) -> Callable[[], None] | None:
    attempted = attempt(mail)
    if attempted is None:
        return None
    if attempted.outcome.next_try_at:
        end(attempted)
        raise Later(attempted.outcome.next_try_at, attempted.outcome.reason)
    return partial(end, attempted)


def send_now(kind: str, *, to: str, to_key: str, **parameters: Any) -> Outcome:
    """Write a mail down, deliver it at once, and return what the server made of it.

    For somebody who waits for that. A worker takes it up where this process dies, or is put off.
    """
    attempted = attempt(write_down(kind, to, to_key, parameters))
    assert attempted is not None  # nobody else knows of it yet
    end(attempted)
    return attempted.outcome


@atomic
def write_down(kind: str, to: str, to_key: str, parameters: dict[str, Any]) -> int:
    mail_id = insert(written_down(kind, to, to_key, parameters))
    jobs.add(DELIVER, due_at=clock.now() + LEASE, mail=mail_id)
    return mail_id


class Attempted(NamedTuple):
    """A try that was made, and is still to be written down."""

    mail_id: int
    number: int
    outcome: Outcome


def attempt(mail_id: int) -> Attempted | None:
    """Try to deliver a mail now, or return None: it has come to its end.

    Raises Later for one that is not due, or that somebody else has in hand.
    """
    mail = begin(mail_id)
    if mail is None:
        return None
    kind, number = mail.kind, mail.attempts
    outcome = handed_over(mail)
    log.info("mail %s (%s), try %s: %s", mail_id, kind, number, outcome.state)
    return Attempted(mail_id, number, outcome)


@atomic
def begin(mail_id: int) -> Mail | None:
    """Take a mail in hand for as long as a lease lasts, and return it if it is to be sent."""
    now = clock.now()
    mail = db.session.get(Mail, mail_id, with_for_update=True)
    if mail is None or mail.state not in WAITING:
        return None
    if mail.next_try_at and mail.next_try_at > now:
        raise Later(mail.next_try_at, mail.reason or mail.state)
    if mail.expires_at <= now:
        # Why it was put off until now is the reason that the staff want to read.
        expire(mail, mail.reason)
        return None
    if not works(mail):
        expire(mail, _("The link in it had died."))
        return None
    mail.state, mail.next_try_at = State.SENDING, now + LEASE
    mail.attempts += 1
    return mail


def works(mail: Mail) -> bool:
    """Whether the mail still is what it was written for; what cannot be read is not judged."""
    if mail.kind not in CHECKS:
        return True
    try:
        return CHECKS[mail.kind](**parameters_of(mail))
    except Unreadable:
        return True


def expire(mail: Mail, reason: str | None) -> None:
    mail.state, mail.reason, mail.sealed = State.EXPIRED, reason, remains(mail)
    mail.next_try_at, mail.ended_at = None, clock.now()
    log.info("mail %s (%s): %s", mail.id, mail.kind, mail.state)


def handed_over(mail: Mail) -> Outcome:
    """Give the mail to the server, or keep it for /dev/mail where there is none."""
    if is_off():
        return Outcome(State.REFUSED, _("This site sends no mail."))
    try:
        message = rendered(mail)
        words = _("Kept for /dev/mail.") if is_kept() else smtp.hand_over(message)
    except Unreadable:
        return Outcome(State.REFUSED, _("It cannot be read any more: SECRET_KEY has changed."))
    except ValueError:
        return Outcome(State.REFUSED, _("No mail can be sent to this address."))
    except smtp.Refused as refused:
        return Outcome(State.REFUSED, str(refused))
    except smtp.Deferred as deferred:
        again = clock.now() + jobs.back_off(mail.attempts)
        return Outcome(State.DEFERRED, str(deferred), min(again, mail.expires_at))
    return Outcome(State.SENT, words)


@atomic
def end(attempted: Attempted) -> None:
    """Write down how a try ended, unless it took so long that somebody else began another."""
    mail_id, number, outcome = attempted
    has_ended = outcome.state != State.DEFERRED
    values = {"state": outcome.state, "reason": outcome.reason, "next_try_at": outcome.next_try_at}
    if has_ended:
        values["ended_at"] = clock.now()
    if has_ended and not is_kept():
        values["sealed"] = None
    mine = sa.update(Mail).where(Mail.id == mail_id, Mail.attempts == number)
    affected(mine.where(Mail.state == State.SENDING).values(values))


def remains(mail: Mail) -> str | None:
    """What is left of the sealed part at the end: nothing, except where it is read here."""
    return mail.sealed if is_kept() else None
