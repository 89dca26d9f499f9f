"""Who is at the door: a name or a confirmed address, and a password."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from app import audit, throttle
from app.accounts import hashing, names
from app.accounts.errors import Deactivated, WrongLogin, WrongPassword
from app.accounts.models import User
from app.audit import Actor, Named
from app.db import affected, atomic, db
from app.throttle import Limit, Receipt


class Verified(NamedTuple):
    """Somebody, the hash that stood when their password was checked, and what that spent."""

    user: User
    password_hash: str | None
    receipts: Sequence[Receipt] = ()  # given back by the session that is started


def check_password(identifier: str, password: str, *, by: Actor) -> Verified:
    """Return who it is, or raise WrongLogin; over a limit, raise throttle.Exceeded unchecked.

    The same statements and the same hash are spent on somebody who exists and on nobody. Raises
    Deactivated for the right password alone.
    """
    # NUL cannot be stored, so it cannot be looked up either; and nobody is called U+FFFD.
    identifier = identifier.replace("\0", "\ufffd")
    receipts = throttle.spend((throttle.LOGIN_PER_ACCOUNT, account_of(identifier)), *everywhere(by))
    user = find(identifier)
    stored = user.password_hash if user else None
    whom = Named(user.id, user.name) if user else None
    if not hashing.matches(stored, password) or user is None or stored is None:
        note_failure(whom, by=by)
        raise WrongLogin
    if not user.is_active:
        throttle.give_back(receipts)
        note_failure(whom, by=by)
        raise Deactivated
    if hashing.is_outdated(stored):
        stored = made_anew(user, stored, password, by=by)
    return Verified(user, stored, receipts)


def made_anew(user: User, verified: str, password: str, *, by: Actor) -> str:
    """Keep a stronger hash of the same password, and return the one that stands now.

    Raises WrongLogin where the password is another one meanwhile.
    """
    new_hash = hashing.make(password)
    stands = keep_stronger(user, verified, new_hash, by=by)
    # Somebody was quicker: with a new hash of this password, or with another password.
    if stands is None or (stands != new_hash and not hashing.matches(stands, password)):
        raise WrongLogin
    return stands


def check_current(user: User, password: str, *, by: Actor) -> str:
    """Return the hash that `password` was verified against, or raise WrongPassword.

    Counts, so that a session left open is no place to guess at (ASVS 6.3.1), but apart from the
    log-in, which any stranger can use up.
    """
    own = (throttle.CONFIRM_PER_ACCOUNT, str(user.id))
    receipts = throttle.spend(own, *everywhere(by))
    verified = user.password_hash
    if verified is None or not hashing.matches(verified, password):
        note_refusal(user, by=by)
        raise WrongPassword
    throttle.give_back(receipts)
    return verified


@atomic
def note_refusal(user: User, *, by: Actor) -> None:
    audit.record("password.refused", by=by, on=user)


def account_of(identifier: str) -> str:
    """Return what the account's limit counts: what was typed, and not whom it found.

    One budget for a name and an address together would tell that the two belong to one person.
    """
    return names.name_key(names.tidy(identifier))


def everywhere(by: Actor) -> list[tuple[Limit, str]]:
    """Return what each check of a password costs beside the account's own limit."""
    return [
        (throttle.LOGIN_PER_IP, throttle.network(by.ip or "")),
        (throttle.LOGIN_SITE, "site"),
    ]


NAME_KEY = User.name_key == sa.bindparam("name_key")
# Made once: making it took longer than running it. The exact name as typed comes first: two names
# of the tutorial may differ only in case or in a space, and one may hold an @.
FINDING = (
    sa.select(User)
    .where(
        sa.or_(
            User.name.in_([sa.bindparam("typed"), sa.bindparam("trimmed")]),
            NAME_KEY,
            User.email_key == sa.bindparam("address_key"),
        )
    )
    .order_by(
        sa.case(
            (User.name == sa.bindparam("typed"), 0),
            (User.name == sa.bindparam("trimmed"), 1),
            (NAME_KEY, 2),
            else_=3,
        )
    )
    .limit(1)
)


def find(identifier: str) -> User | None:
    """Return who is meant, in one statement: by exact name, else name key, else address key."""
    trimmed = names.tidy(identifier)
    keys = {"name_key": names.name_key(trimmed), "address_key": names.address_key(trimmed)}
    return db.session.scalar(FINDING, {"typed": identifier, "trimmed": trimmed, **keys})


@atomic
def note_failure(whom: Named | None, *, by: Actor) -> None:
    # Not the row itself: a verb would read it again, one statement more than for nobody.
    audit.record("login.failed", by=by, on=whom)


@atomic
def keep_stronger(user: User, verified: str, new_hash: str, *, by: Actor) -> str | None:
    # Not if it was changed since it was verified: the old password would come back. One statement
    # looks and writes, so that a reset which commits between the two is not written over.
    unchanged = sa.update(User).where(User.id == user.id, User.password_hash == verified)
    if affected(unchanged.values(password_hash=new_hash)):
        audit.record("password.rehashed", by=by, on=user)
    db.session.refresh(user)
    return user.password_hash
