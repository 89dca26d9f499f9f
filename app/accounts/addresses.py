"""A person's address: claimed by whoever types it, owned by whoever reads its mail.

A claim blocks nobody and tells nothing: what is done for an address that has an account is done
for one that has none. The unique key belongs to confirmed addresses alone, and decides who of two
was first. A site without mail cannot ask: there an address counts as confirmed when it is given.
"""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import audit, clock, mail, throttle
from app.accounts import authentication, mails, names, tokens
from app.accounts.errors import AddressConfirmed, AddressTaken, CodeExpired, WrongCode
from app.accounts.models import User
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import atomic, db, violated


def claim(user: User, address: str, *, by: Actor) -> None:
    """Give `user` an address to confirm, in place of any claim before it, and mail to it.

    Raises AddressRefused, AddressConfirmed, AddressTaken (without mail) or throttle.Exceeded.
    """
    address = names.clean_address(address)
    spend_request(by)
    store_claim(user, address, by=by)


def send_again(user: User, *, by: Actor) -> None:
    """Mail a new link and code; those before are dead, and the claim lasts as long as a new one.

    Without a claim there is nothing to do.
    """
    spend_request(by)
    renew_claim(user, by=by)


@atomic
def cancel_claim(user: User, *, by: Actor) -> None:
    """Let go of the claim; what was mailed for it is dead."""
    row = locked(user)
    if row.pending_email:
        drop_claim(row, by=by)


def claimant(secret: str) -> User | None:
    """Return whose claim this link would confirm, or None; nothing is spent."""
    token = tokens.peek(Purpose.VERIFY_EMAIL, secret)
    return tokens.owner(token) if token else None


@atomic
def confirm(secret: str, *, by: Actor) -> User:
    """Turn the claim that this link was mailed for into the address; return whose it is.

    Raises LinkExpired, AddressConfirmed or AddressTaken.
    """
    token = tokens.redeem(Purpose.VERIFY_EMAIL, secret)
    user = db.session.get_one(User, token.user_id)
    own(user, str(token.address), by=by)
    return user


def confirm_code(user: User, code: str, *, by: Actor) -> None:
    """Do the same with the code from the mail.

    Raises WrongCode, CodeExpired, AddressConfirmed, AddressTaken or throttle.Exceeded.
    """
    code = tokens.clean_code(code)
    own_limit = (throttle.CODE_PER_ACCOUNT, str(user.id))
    receipts = throttle.spend(own_limit, *authentication.everywhere(by))
    try:
        tokens.count_try(user)
        confirm_by_code(user, code, by=by)
    except (WrongCode, CodeExpired):
        note_refusal(user, by=by)
        raise
    throttle.give_back(receipts)


@atomic
def note_refusal(user: User, *, by: Actor) -> None:
    audit.record("code.refused", by=by, on=user)


@atomic
def store_claim(user: User, address: str, *, by: Actor) -> None:
    row = locked(user)
    if row.email:
        raise AddressConfirmed
    if mail.is_off():
        own(row, address, by=by)
        return
    write_claim(row, address)
    audit.record("email.claimed", by=by, on=row, email=address)
    ask_to_confirm(row, address)


@atomic
def renew_claim(user: User, *, by: Actor) -> None:
    row = locked(user)
    if row.pending_email and ask_to_confirm(row, row.pending_email):
        row.claimed_at = clock.now()  # or the link could outlive what it confirms


@atomic
def confirm_by_code(user: User, code: str, *, by: Actor) -> None:
    token = tokens.redeem_code(user, code)
    own(user, str(token.address), by=by)


def own(user: User, address: str, *, by: Actor) -> None:
    """Turn a claim of a row that is locked into the address; never one address into another."""
    if user.email not in {None, address}:
        raise AddressConfirmed
    make_own(user, address)
    audit.record("email.confirmed", by=by, on=user, email=address)


def make_own(user: User, address: str) -> None:
    """Write the address down as confirmed, inside a verb, or raise AddressTaken.

    A claim there was is settled by it, and what was mailed for that is dead.
    """
    tokens.revoke(Purpose.VERIFY_EMAIL, user)
    try:
        with db.session.begin_nested():
            user.email, user.email_key = address, names.address_key(address)
            write_claim(user, None)
    except IntegrityError as error:
        if violated(error) & {"email_key"}:
            raise AddressTaken from error
        raise


OWNER = sa.select(User).where(User.email_key == sa.bindparam("key"))


def ask_to_confirm(user: User, address: str) -> bool:
    """Mail to a claimed address, inside a verb: to its owner where it is somebody's already.

    The same statements either way; the link that is not mailed is one that nobody has. Without
    room for a mail, what was mailed before lives on; return whether there was room.
    """
    key = names.address_key(address)
    owner = db.session.scalar(OWNER, {"key": key})
    issued = tokens.UNISSUED
    if room := mail.has_room(key):
        issued = tokens.issue(Purpose.VERIFY_EMAIL, user, address=address, code=True)
    if owner is not None:
        mails.already_registered(owner, room=room)
    else:
        mails.verify(user, address, issued.secret, issued.code, room=room)
    return room


def write_claim(user: User, address: str | None) -> None:
    """Let somebody claim this address from now on, or none, inside a verb."""
    user.pending_email = address
    user.pending_email_key = names.address_key(address) if address else None
    user.claimed_at = clock.now() if address else None


def drop_claim(user: User, *, by: Actor) -> None:
    """Let go of the claim of a row that is locked, inside a verb."""
    audit.record("email.claim_dropped", by=by, on=user, email=user.pending_email)
    write_claim(user, None)
    tokens.revoke(Purpose.VERIFY_EMAIL, user)


def locked(user: User) -> User:
    """Return the row of `user`, which nobody can change until the verb is done."""
    # Read anew: asking for the id of a row that is expired reads it before the lock is there.
    return db.session.get_one(User, user.id, with_for_update=True, populate_existing=True)


def spend_request(by: Actor) -> None:
    throttle.spend((throttle.REQUEST_PER_IP, throttle.network(by.ip or "")))
