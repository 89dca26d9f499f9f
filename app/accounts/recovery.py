"""Back in without the password: a link that is mailed or printed, and setting a new one with it."""

import sqlalchemy as sa

from app import audit, crypto, jobs, mail, throttle
from app.accounts import addresses, hashing, mails, names, passwords, sessions, tokens
from app.accounts.models import User
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import atomic, db

FORGOTTEN = "password.forgotten"  # the kind of job that answers a request


def ask(address: str, *, by: Actor) -> None:
    """Note that a link is asked for; who has this address is looked up after the answer.

    So the same is done, in the same time, for everybody. Raises AddressRefused or
    throttle.Exceeded.
    """
    address = names.clean_address(address)
    throttle.spend((throttle.REQUEST_PER_IP, throttle.network(by.ip or "")))
    note_request(address, by=by)


@atomic
def note_request(address: str, *, by: Actor) -> None:
    # Sealed: a table of jobs is no list of addresses.
    jobs.add(FORGOTTEN, address=crypto.seal(address), ip=by.ip)


@jobs.handler(FORGOTTEN)
def forgotten(address: str, ip: str) -> None:
    if (asked_for := crypto.unseal(address)) is not None:
        answer(asked_for, by=Actor.visitor(ip))


@atomic
def answer(address: str, *, by: Actor) -> None:
    """Mail a link to the address as its owner wrote it, or say that there is no account."""
    key = names.address_key(address)
    user = db.session.scalar(sa.select(User).where(User.email_key == key).with_for_update())
    room = mail.has_room(key)
    if user is None:
        mails.no_account(address, room=room)
    elif user.is_active:  # to whoever is not, the mail about that said what to do
        audit.record("password.reset_requested", by=by, on=user)
        # Without room the link that was mailed last lives on: strangers ask for these too.
        mails.reset(user, issue(user) if room else tokens.UNISSUED.secret, room=room)


@atomic
def make_link(user: User, *, by: Actor, reason: str) -> str:
    """Return the secret of a new link, for whoever hands it over; the link before it is dead."""
    audit.record("password.reset_link_made", by=by, on=user, reason=reason)
    return issue(user)


def issue(user: User) -> str:
    return tokens.issue(Purpose.RESET_PASSWORD, user, address=user.email).secret


def owner_of(secret: str) -> User | None:
    """Return whose password this link would set, or None; nothing is spent."""
    token = tokens.peek(Purpose.RESET_PASSWORD, secret)
    return tokens.owner(token) if token else None


def reset(secret: str, password: str, *, by: Actor) -> None:
    """Set a new password with a mailed link, and log out every browser; it logs nobody in.

    Raises PasswordRefused, which leaves the link as it is, or LinkExpired.
    """
    token = tokens.expect(Purpose.RESET_PASSWORD, secret)
    user = db.session.get_one(User, token.user_id)
    passwords.check(password, name=user.name, email=user.email or user.pending_email)
    store_reset(secret, hashing.make(password), by=by)


@atomic
def store_reset(secret: str, new_hash: str, *, by: Actor) -> None:
    token = tokens.redeem(Purpose.RESET_PASSWORD, secret)
    user = db.session.get_one(User, token.user_id)
    ended = replace(user, new_hash, by=by)
    audit.record("password.reset", by=by, on=user, sessions_ended=ended)


def set_password(user: User, password: str, *, by: Actor) -> None:
    """Set a new password for somebody, and log out every browser. Raises PasswordRefused."""
    passwords.check(password, name=user.name, email=user.email or user.pending_email)
    store_set(user, hashing.make(password), by=by)


@atomic
def store_set(user: User, new_hash: str, *, by: Actor) -> None:
    row = addresses.locked(user)
    ended = replace(row, new_hash, by=by)
    audit.record("password.set", by=by, on=row, sessions_ended=ended)


def replace(user: User, new_hash: str, *, by: Actor) -> int:
    """Put another password in place, inside a verb: nothing that was opened with the old one stays.

    Nor what was claimed before. Returns how many sessions were ended.
    """
    user.password_hash = new_hash
    if user.pending_email:  # whoever else was in the account may have claimed it
        addresses.drop_claim(user, by=by)
    tokens.revoke_all(user)
    mails.password_changed(user)
    return sessions.end_all(user)
