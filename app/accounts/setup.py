"""The first administrator: there is no default account, but a link for whoever reads the console.

It works once, and not at all where there is an administrator, however that one came to be.
"""

from app import audit, mail
from app.accounts import hashing, names, passwords, registration, roles, tokens
from app.accounts.authentication import Verified
from app.accounts.errors import LinkExpired
from app.accounts.models import Origin, User
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import atomic


@atomic
def make_link(*, by: Actor) -> str | None:
    """Return the address of a new link, or None where there is an administrator.

    The link before it is dead.
    """
    roles.lock()
    if roles.there_is_an_administrator():
        return None
    issued = tokens.issue(Purpose.SETUP, None)
    audit.record("setup.link_made", by=by, on=None)
    return mail.link("auth.setup", token=issued.secret)


def is_open(secret: str) -> bool:
    """Whether this link would work now."""
    works = tokens.peek(Purpose.SETUP, secret) is not None
    return works and not roles.there_is_an_administrator()


def become_administrator(
    secret: str, name: str, email: str, password: str, *, by: Actor
) -> Verified:
    """Open the first administrator's account; the address counts as confirmed.

    Raises LinkExpired, NameRefused, NameTaken, AddressRefused, AddressTaken or PasswordRefused; but
    for the first, the link is left as it is.
    """
    tokens.expect(Purpose.SETUP, secret)
    name, email = names.clean_name(name), names.clean_address(email)
    passwords.check(password, name=name, email=email)
    registration.refuse_taken(name)
    password_hash = hashing.make(password)
    return Verified(open_account(secret, name, email, password_hash, by=by), password_hash)


@atomic
def open_account(secret: str, name: str, email: str, password_hash: str, *, by: Actor) -> User:
    administrator = roles.lock()
    if roles.there_is_an_administrator():
        raise LinkExpired
    tokens.redeem(Purpose.SETUP, secret)
    user = registration.insert(name, password_hash, email=email, origin=Origin.SETUP, by=by)
    roles.give(user, administrator, by=by)
    return user
