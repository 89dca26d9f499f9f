"""How an account comes to be: a person registers, or the operator creates one."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import audit, clock, throttle
from app.accounts import hashing, names, passwords
from app.accounts.authentication import Verified
from app.accounts.errors import AddressTaken, NameTaken
from app.accounts.models import User
from app.audit import Actor
from app.db import atomic, db, violated


def register(name: str, email: str, password: str, *, by: Actor) -> Verified:
    """Open an account whose address is a claim: it blocks nobody and logs nobody in until proved.

    Raises NameRefused, NameTaken, AddressRefused, PasswordRefused or throttle.Exceeded.
    """
    name, email = names.clean_name(name), names.clean_address(email)
    passwords.check(password, name=name, email=email)
    refuse_taken(name)
    receipts = throttle.spend((throttle.SIGN_UP_PER_IP, throttle.network(by.ip or "")))
    password_hash = hashing.make(password)
    try:
        return Verified(insert(name, password_hash, claim=email, by=by), password_hash)
    except NameTaken:
        throttle.give_back(receipts)
        raise


def create(name: str, email: str | None, password: str, *, by: Actor) -> User:
    """Create an account for somebody; an address that the operator gives counts as confirmed.

    Raises as `register` does, and AddressTaken.
    """
    name = names.clean_name(name)
    email = names.clean_address(email) if email else None
    passwords.check(password, name=name, email=email)
    refuse_taken(name)
    return insert(name, hashing.make(password), email=email, by=by)


def refuse_taken(name: str) -> None:
    """A courtesy that spares a hash; who wins a race is settled by the unique index."""
    same = sa.or_(User.name == name, User.name_key == names.name_key(name))
    if db.session.scalar(sa.select(User.id).where(same).limit(1)) is not None:
        raise NameTaken


@atomic
def insert(
    name: str, password_hash: str, *, by: Actor, email: str | None = None, claim: str | None = None
) -> User:
    """Write the account down with its keys; the unique indexes decide who was first."""
    user = User(
        name=name,
        name_key=names.name_key(name),
        password_hash=password_hash,
        email=email,
        email_key=names.address_key(email) if email else None,
        pending_email=claim,
        created_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        # Both columns of the name are unique; the engines differ in which one they speak of.
        if violated(error) & {"name", "name_key"}:
            raise NameTaken from error
        if violated(error) & {"email_key"}:
            raise AddressTaken from error
        raise
    if claim:
        audit.record("user.registered", by=by, on=user, email=claim)
    else:
        audit.record("user.created", by=by, on=user, email=email)
    return user
