"""What staff and the operator do to somebody's account. Each verb decides whether it is ever right.

The permission and the rank of whoever acts are read inside the verb, under the lock of all
authority; whoever acts on their own account uses their own pages.
"""

from flask_babel import lazy_gettext as _l

from app import audit, clock, mail
from app.accounts import addresses, mails, names, recovery, registration, roles, sessions, tokens
from app.accounts.errors import (
    LinkRefused,
    NotAllowed,
    OwnAccount,
    ReasonRefused,
    StandsAlready,
)
from app.accounts.models import Origin, User
from app.audit import Actor
from app.db import atomic

LONGEST_REASON = 200


@atomic
def create(name: str, email: str | None, *, by: Actor) -> User:
    """Open an account without a password: nobody gets in until a reset link was used.

    An address that staff give counts as confirmed. Raises NameRefused, NameTaken, AddressRefused
    or AddressTaken.
    """
    roles.refuse_without(by, "users.edit")
    name = names.clean_name(name)
    email = names.clean_address(email) if email else None
    user = registration.insert(name, None, email=email, origin=Origin.STAFF, by=by)
    mails.account_created(user)
    return user


@atomic
def deactivate(user: User, *, by: Actor, reason: str) -> int:
    """Lock somebody out everywhere, at once, until reactivated; return how many sessions ended."""
    reason = clean_reason(reason)
    refuse_unless_may("users.deactivate", user, by=by)
    roles.refuse_if_last_administrator(user)
    if not user.is_active:
        raise StandsAlready(_l("This account is deactivated already."))
    user.deactivated_at = clock.now()
    ended = sessions.end_all(user)
    tokens.revoke_all(user)
    audit.record("user.deactivated", by=by, on=user, reason=reason, sessions_ended=ended)
    mails.staff_acted(user, "deactivated", reason)
    return ended


@atomic
def reactivate(user: User, *, by: Actor, reason: str) -> None:
    """Let a deactivated person in again, with the password and the roles they had."""
    reason = clean_reason(reason)
    refuse_unless_may("users.deactivate", user, by=by)
    if user.is_active:
        raise StandsAlready(_l("This account is active already."))
    user.deactivated_at = None
    audit.record("user.reactivated", by=by, on=user, reason=reason)
    mails.staff_acted(user, "reactivated", reason)


@atomic
def end_sessions(user: User, *, by: Actor) -> int:
    """Log the person out everywhere; return how many sessions that ended."""
    refuse_unless_may("users.edit", user, by=by)
    ended = sessions.end_all(user)
    if ended:
        audit.record("sessions.ended", by=by, on=user, sessions_ended=ended)
        mails.staff_acted(user, "sessions_ended", None)
    return ended


@atomic
def end_session(user: User, session_id: int, *, by: Actor) -> bool:
    """Log the person out of one device; return whether it was logged in."""
    refuse_unless_may("users.edit", user, by=by)
    if not sessions.end_of(user, session_id):
        return False
    audit.record("session.ended", by=by, on=user)
    mails.staff_acted(user, "session_ended", None)
    return True


@atomic
def assign_roles(user: User, wanted: set[str], *, shown: set[str], by: Actor) -> None:
    """Change what whoever acts changed of the roles that they were `shown`, or nothing.

    What was granted or taken away meanwhile stands. However many change, one mail tells of it.
    """
    less, more = sorted(shown - wanted), sorted(wanted - shown)
    changes = [roles.revoke(user, name, by=by, tell=False) for name in less]
    changes += [roles.grant(user, name, by=by, tell=False) for name in more]
    if any(changes):
        mails.staff_acted(user, "roles_changed", None)


@atomic
def correct_address(user: User, address: str, *, by: Actor, reason: str) -> None:
    """Put another address in place of the person's; it counts as confirmed.

    Links that were mailed to the one before are dead. Raises AddressRefused or AddressTaken.
    """
    reason, address = clean_reason(reason), names.clean_address(address)
    refuse_unless_may("users.edit", user, by=by)
    before = user.email
    if before == address:
        raise StandsAlready(_l("This is their address already."))
    # The old one is told before it is none of theirs any more, the new one after.
    mails.staff_acted(user, "address_corrected", reason)
    addresses.make_own(user, address)
    tokens.revoke_all(user)
    audit.record("email.corrected", by=by, on=user, before=before, after=address, reason=reason)
    mails.staff_acted(user, "address_corrected", reason)


@atomic
def confirm_address(user: User, address: str | None, *, by: Actor, reason: str) -> None:
    """Let the address that the person claims count as confirmed, if it still is `address`.

    Raises AddressTaken, or StandsAlready where they claim none or another by now.
    """
    reason = clean_reason(reason)
    refuse_unless_may("users.edit", user, by=by)
    before, claim = user.email, user.pending_email
    if claim is None:
        raise StandsAlready(_l("No address of theirs waits to be confirmed."))
    if claim != address:
        raise StandsAlready(_l("They gave another address meanwhile. Look at it first."))
    addresses.make_own(user, claim)
    tokens.revoke_all(user)
    audit.record("email.corrected", by=by, on=user, before=before, after=claim, reason=reason)
    mails.staff_acted(user, "address_confirmed", reason)


@atomic
def send_reset_link(user: User, *, by: Actor, reason: str) -> None:
    """Mail the person a link to choose a password; whoever asks for it never sees it."""
    reason = clean_reason(reason)
    refuse_link(user, by=by)
    if mail.is_off():
        raise LinkRefused(_l("This site sends no mail. Make a link and hand it over."))
    if user.email is None:
        raise LinkRefused(_l("This person has no confirmed address to send a link to."))
    mails.reset(user, recovery.make_link(user, by=by, reason=reason), reason=reason)


@atomic
def print_reset_link(user: User, *, by: Actor, reason: str) -> str:
    """Return the secret of a one-time link to choose a password, to be handed over.

    Staff get one only where the site sends no mail: whoever holds it holds the account.
    """
    reason = clean_reason(reason)
    refuse_link(user, by=by)
    if by.kind == "person" and not mail.is_off():
        raise NotAllowed(_l("This site sends mail. Send the link to their address."))
    mails.staff_acted(user, "reset_link_made", reason)
    return recovery.make_link(user, by=by, reason=reason)


def refuse_link(user: User, *, by: Actor) -> None:
    refuse_unless_may("users.edit", user, by=by)
    if not user.is_active:
        raise LinkRefused(_l("This account is deactivated. Reactivate it first."))


def refuse_unless_may(permission: str, user: User, *, by: Actor) -> None:
    """Lock all authority, then the person; refuse without the permission, the rank, or on oneself.

    A log-in that runs beside this one waits for it, or is found. Raises NotAllowed, AccountGone,
    OutRanked or OwnAccount.
    """
    roles.refuse_without(by, permission)
    roles.refuse_unless_above(by, user)
    if by.id == user.id:
        raise OwnAccount


def clean_reason(text: str) -> str:
    """Return the reason as it is kept and mailed, or raise ReasonRefused."""
    reason = " ".join(text.split())
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise ReasonRefused
    return reason
