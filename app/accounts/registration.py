"""How an account comes to be: a person registers, or the operator creates one."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import audit, clock, mail, throttle
from app.accounts import addresses, hashing, mails, names, passwords, roles
from app.accounts.authentication import Verified
from app.accounts.errors import AddressTaken, NameTaken
from app.accounts.models import Origin, User
from app.audit import Actor
from app.db import atomic, db, violated


def register(name: str, email: str, password: str, *, by: Actor) -> Verified:
    """Open an account whose address is a claim: it blocks nobody and logs nobody in until proved.

    Raises NameRefused, NameTaken, AddressRefused, PasswordRefused or throttle.Exceeded; on a site
    without mail, where the address counts as it is given, AddressTaken.
    """
    name, email = names.clean_name(name), names.clean_address(email)
    passwords.check(password, name=name, email=email)
    refuse_taken(name)
    receipts = throttle.spend((throttle.SIGN_UP_PER_IP, throttle.network(by.ip or "")))
    password_hash = hashing.make(password)
    given = {"email": email} if mail.is_off() else {"claim": email}
    try:
        user = insert(name, password_hash, origin=Origin.REGISTRATION, by=by, **given)
    except (NameTaken, AddressTaken):
        throttle.give_back(receipts)
        raise
    return Verified(user, password_hash)


def create(
    name: str, email: str | None, password: str | None, *, by: Actor, is_administrator: bool = False
) -> User:
    """Create an account for somebody; an address that the operator gives counts as confirmed.

    Without a password they are mailed how to choose one. Raises as `register` does, and
    AddressTaken.
    """
    name = names.clean_name(name)
    email = names.clean_address(email) if email else None
    if password is not None:
        passwords.check(password, name=name, email=email)
    refuse_taken(name)
    password_hash = None if password is None else hashing.make(password)
    return store(name, email, password_hash, is_administrator=is_administrator, by=by)


@atomic
def store(
    name: str, email: str | None, password_hash: str | None, *, is_administrator: bool, by: Actor
) -> User:
    administrator = roles.lock() if is_administrator else None
    user = insert(name, password_hash, email=email, origin=Origin.OPERATOR, by=by)
    if administrator:
        roles.give(user, administrator, by=by)
    if password_hash is None:
        mails.account_created(user)
    return user


# Made once: making it takes longer than running it.
SAME = (
    sa.select(User.id)
    .where(sa.or_(User.name == sa.bindparam("typed"), User.name_key == sa.bindparam("key")))
    .limit(1)
)


def refuse_taken(name: str) -> None:
    """A courtesy that spares a hash; who wins a race is settled by the unique index."""
    if db.session.scalar(SAME, {"typed": name, "key": names.name_key(name)}) is not None:
        raise NameTaken


@atomic
def insert(
    name: str,
    password_hash: str | None,
    *,
    origin: str,
    by: Actor,
    email: str | None = None,
    claim: str | None = None,
) -> User:
    """Write the account down with its keys; the unique indexes decide who was first.

    A claim is mailed to at once: to somebody else's address with other words, but no other work.
    """
    now = clock.now()
    user = User(
        name=name,
        name_key=names.name_key(name),
        password_hash=password_hash,
        email=email,
        email_key=names.address_key(email) if email else None,
        pending_email=claim,
        pending_email_key=names.address_key(claim) if claim else None,
        claimed_at=now if claim else None,
        created_at=now,
        # Whoever is registered by somebody else was never here.
        last_seen_at=now if origin == Origin.REGISTRATION else None,
        origin=origin,
    )
    add(user)
    event = "user.registered" if origin == Origin.REGISTRATION else "user.created"
    audit.record(event, by=by, on=user, email=claim or email)
    if claim:
        addresses.ask_to_confirm(user, claim)
    return user


def add(user: User) -> None:
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        # No savepoint: whatever is raised here ends the verb, and nothing of it stays.
        # Both columns of the name are unique; the engines differ in which one they speak of.
        if violated(error) & {"name", "name_key"}:
            raise NameTaken from error
        if violated(error) & {"email_key"}:
            raise AddressTaken from error
        raise
