"""People, acts and mails in the words that staff read."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts import directory
from app.accounts.models import Origin
from app.mail import State
from app.web import language, moments

STATUSES: dict[str, LazyString] = {
    "active": _l("Active"),
    "unconfirmed": _l("Not confirmed"),
    "no-address": _l("No address"),
    "deactivated": _l("Deactivated"),
}
TONES = {"active": "ok", "unconfirmed": "warn", "no-address": "warn", "deactivated": "bad"}

ORIGINS: dict[str, LazyString] = {
    Origin.REGISTRATION: _l("By signing up"),
    Origin.OPERATOR: _l("Made by the operator"),
    Origin.STAFF: _l("Made by staff"),
    Origin.SETUP: _l("As the first administrator"),
    Origin.TUTORIAL: _l("From the first version of this site"),
    Origin.UNKNOWN: _l("Not known"),
}

MAIL_STATES: dict[str, LazyString] = {
    State.QUEUED: _l("Queued"),
    State.SENDING: _l("Being sent"),
    State.SENT: _l("Sent"),
    State.DEFERRED: _l("Put off"),
    State.REFUSED: _l("Refused"),
    State.EXPIRED: _l("Expired"),
    State.DROPPED: _l("Dropped: too many to this address"),
}
MAIL_TONES = {State.SENT: "ok", State.DEFERRED: "warn", State.DROPPED: "warn"}
MAIL_TONES |= {State.REFUSED: "bad", State.EXPIRED: "bad"}

MAIL_KINDS: dict[str, LazyString] = {
    "verify": _l("Confirm your address"),
    "already_registered": _l("You have an account already"),
    "reset": _l("Choose a new password"),
    "no_account": _l("No account here"),
    "password_changed": _l("Your password was changed"),
    "account_created": _l("An account was made for you"),
    "staff_acted": _l("Staff acted on your account"),
    "test": _l("Test mail"),
}

EVENTS: dict[str, LazyString] = {
    "user.registered": _l("Signed up"),
    "user.created": _l("Account created"),
    "session.started": _l("Logged in"),
    "session.ended": _l("Logged out of one device"),
    "sessions.ended": _l("Logged out of devices"),
    "session.confirmed": _l("Confirmed who they are"),
    "login.failed": _l("Log-in failed"),
    "password.changed": _l("Password changed"),
    "password.refused": _l("Current password given wrong"),
    "password.rehashed": _l("Password stored in a stronger form"),
    "email.claimed": _l("Address given, to be confirmed"),
    "email.claim_dropped": _l("Address dropped that was never confirmed"),
    "email.confirmed": _l("Address confirmed"),
    "code.refused": _l("Code from the mail given wrong"),
    "email.corrected": _l("Address set by staff"),
    "password.reset_requested": _l("Reset link asked for"),
    "password.reset_link_made": _l("Reset link made by staff"),
    "password.reset": _l("Password set by a reset link"),
    "password.set": _l("Password set by the operator"),
    "user.deactivated": _l("Account deactivated"),
    "user.reactivated": _l("Account reactivated"),
    "user.removed": _l("Account removed"),
    "role.granted": _l("Role granted"),
    "role.revoked": _l("Role taken away"),
    "role.created": _l("Role created"),
    "role.changed": _l("Role changed"),
    "role.deleted": _l("Role deleted"),
    "setup.link_made": _l("Set-up link made"),
    "mail.retried": _l("Mail tried again"),
}

# What an act is remembered with; one that says nothing (no reason, no session) is left out.
DETAILS: dict[str, LazyString] = {
    "email": _l("Address: %(value)s"),
    "remembered": _l("Stays logged in on that device"),
    "sessions_ended": _l("Sessions ended: %(value)s"),
    "before": _l("Before: %(value)s"),
    "after": _l("After: %(value)s"),
    "role": _l("Role: %(value)s"),
    "permissions": _l("Permissions: %(value)s"),
    "mail": _l("Mail number %(value)s"),
    "reason": _l("Reason: %(value)s"),
}

ACTORS: dict[str, LazyString] = {
    "visitor": _l("A visitor"),
    "operator": _l("The operator"),
    "system": _l("This site"),
}


def event(name: str) -> LazyString | str:
    """Return what happened; a newer release may have written what this one has no words for."""
    return EVENTS.get(name, name)


def details(row: Any) -> list[str]:
    """Return the details of an act, each in words."""
    given = json.loads(row.details)
    return [
        str(phrase) % {"value": plain(given[name])}
        for name, phrase in DETAILS.items()
        if given.get(name)
    ]


def plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def actor(row: Any) -> str:
    """Return who did it, where it was nobody with a page of their own."""
    return str(ACTORS.get(row.actor_kind, row.actor_kind))


def shown_name(name: str | None) -> str:
    """Return a name that can be seen and clicked: the tutorial took any, also an empty one."""
    is_visible = (name or "")[:1].isalnum() or any(map(is_seen, name or ""))
    return name if name and is_visible else _("(no name)")


def is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"


def status(person: Any) -> tuple[LazyString, str]:
    """Return the words and the tone of the badge for which of STATUSES somebody is in."""
    which = directory.status_of(person)
    return STATUSES[which], TONES[which]


class Line(NamedTuple):
    """Somebody as a list shows them; a moment that is not known is an empty text."""

    id: int
    name: str
    address: str | None
    status: str
    tone: str
    came_at: str
    came: str
    seen_at: str
    seen: str
    seen_ago: str


def lines(people: Iterable[Any]) -> Iterator[Line]:
    """Yield these people in words: for all at once, what a filter would look up for each."""
    reader = language.code()
    statuses = {which: str(words) for which, words in STATUSES.items()}
    for person in people:
        which, came, seen = directory.status_of(person), person.created_at, person.last_seen_at
        yield Line(
            person.id,
            shown_name(person.name),
            person.email or person.pending_email,
            statuses[which],
            TONES[which],
            came.isoformat() if came else "",
            moments.day(came, reader) if came else "",
            seen.isoformat() if seen else "",
            moments.utc(seen, reader) if seen else "",
            moments.ago(seen, reader) if seen else "",
        )


def mail_state(row: Any) -> tuple[LazyString | str, str]:
    """Return the words and the tone of the badge for where a mail is."""
    return MAIL_STATES.get(row.state, row.state), MAIL_TONES.get(row.state, "")


def mail_kind(kind: str) -> LazyString | str:
    """Return what a mail is about."""
    return MAIL_KINDS.get(kind, kind)
