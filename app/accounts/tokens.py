"""Secrets that are mailed or printed: one table, and only digests in it.

A link is a long secret; a code is a short one beside it, for whoever reads the mail on another
device. Whoever takes both locks takes the person's before the token's, so that two never wait for
each other.
"""

import re
import secrets
from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa

from app import clock, crypto
from app.accounts.errors import CodeExpired, LinkExpired, WrongCode
from app.accounts.models import User, UserToken
from app.db import affected, atomic, db


class Purpose:
    """What a link is good for, and nothing else."""

    VERIFY_EMAIL = "verify-email"
    RESET_PASSWORD = "reset-password"
    SETUP = "setup"


LIFETIME = {
    Purpose.VERIFY_EMAIL: timedelta(days=3),  # a weekend; it opens nothing but its own address
    Purpose.RESET_PASSWORD: timedelta(minutes=30),  # till then whoever reads the mail owns it all
    # The first administrator's lasts until it is used.
}

# No vowels, so that no word can come of it, and nothing that looks like a figure: 34 bits.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 8
CODE_TRIES = 5  # then only the link is left


class Issued(NamedTuple):
    """What goes into the mail; it exists nowhere else. The code is empty unless asked for."""

    secret: str
    code: str


UNISSUED = Issued("unissued", "unissued")  # in the place of both in a mail that nobody gets


WRITING = sa.insert(UserToken.__table__)  # type: ignore[arg-type]


def issue(
    purpose: str, user: User | None, *, address: str | None = None, code: bool = False
) -> Issued:
    """Make a new link, inside a verb; the ones before it, of this purpose and person, are dead.

    It works only as long as `address` is the one that it is about.
    """
    if user is not None:
        locked(user.id)
    revoke(purpose, user)
    issued = Issued(crypto.secret(), new_code() if code else "")
    now, lifetime = clock.now(), LIFETIME.get(purpose)
    row = {
        "user_id": user.id if user else None,
        "purpose": purpose,
        "digest": crypto.digest(issued.secret),
        "code_digest": code_digests(user, issued.code)[0] if user and issued.code else None,
        "code_tries": 0,
        "address": address,
        "created_at": now,
        "expires_at": now + lifetime if lifetime else None,
    }
    db.session.execute(WRITING, row)
    return issued


def peek(purpose: str, secret: str) -> UserToken | None:
    """Return the token of this link if it would work now, for a page to show; nothing is spent."""
    token = db.session.scalar(sa.select(UserToken).where(*meant(purpose, secret)))
    return token if token is not None and is_live(token, owner(token)) else None


def expect(purpose: str, secret: str) -> UserToken:
    """Return the token as `peek` does, before anything slow is done for it, or raise LinkExpired.

    Nobody guesses 256 bits, so no limit stands before a link: one that was mailed always works.
    """
    token = peek(purpose, secret)
    if token is None:
        raise LinkExpired
    return token


def redeem(purpose: str, secret: str) -> UserToken:
    """Use up a link, inside a verb, and return what it was, or raise LinkExpired.

    Finding and spending is one statement: of two at once only one finds it.
    """
    user_id = db.session.scalar(sa.select(UserToken.user_id).where(*meant(purpose, secret)))
    user = locked(user_id) if user_id else None
    token = spent(user, *meant(purpose, secret))
    if token is None:
        raise LinkExpired
    return token


@atomic
def count_try(user: User) -> None:
    """Use one try of the code that `user` was mailed, or raise CodeExpired.

    In a transaction of its own, as limits are: guesses made side by side cannot pass together.
    """
    row = sa.update(UserToken).where(*with_code(user), UserToken.code_tries < CODE_TRIES)
    if not affected(row.values(code_tries=UserToken.code_tries + 1)):
        raise CodeExpired


def redeem_code(user: User, code: str) -> UserToken:
    """Use up the code, inside a verb, with the link beside it, or raise WrongCode."""
    found = UserToken.code_digest.in_(code_digests(user, code))
    token = spent(locked(user.id), *with_code(user), found)
    if token is None:
        raise WrongCode
    return token


def revoke(purpose: str, user: User | None) -> None:
    """Make the links of this purpose worth nothing."""
    of = UserToken.user_id == (user.id if user else None)
    affected(sa.delete(UserToken).where(of, UserToken.purpose == purpose))


def revoke_all(user: User) -> None:
    """Make every link and code of `user` worth nothing."""
    affected(sa.delete(UserToken).where(UserToken.user_id == user.id))


def clean_code(text: str) -> str:
    """Return the code as it was mailed, however it is typed, or raise WrongCode."""
    code = re.sub(r"[\s\u2010-\u2015-]", "", text).upper()
    if len(code) != CODE_LENGTH or not set(code) <= set(LETTERS):
        raise WrongCode
    return code


def spent(user: User | None, *which: sa.ColumnElement[bool]) -> UserToken | None:
    token = db.session.scalar(
        sa.delete(UserToken)
        .where(*which)
        .returning(UserToken)
        .execution_options(synchronize_session=False)
    )
    return token if token is not None and is_live(token, user) else None


def is_live(token: UserToken, user: User | None) -> bool:
    """Whether a token still works: not too old, and what it was bound to has not changed."""
    if token.expires_at is not None and token.expires_at <= clock.now():
        return False
    if user is None:
        return token.user_id is None
    bound_to = user.pending_email if token.purpose == Purpose.VERIFY_EMAIL else user.email
    return user.is_active and token.address in {None, bound_to}


def owner(token: UserToken) -> User | None:
    return db.session.get(User, token.user_id) if token.user_id else None


def locked(user_id: int) -> User | None:
    # Read anew: the person may have been read before the lock was there.
    return db.session.get(User, user_id, with_for_update=True, populate_existing=True)


def meant(purpose: str, secret: str) -> tuple[sa.ColumnElement[bool], ...]:
    return UserToken.digest == crypto.digest(secret), UserToken.purpose == purpose


def with_code(user: User) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        UserToken.user_id == user.id,
        UserToken.purpose == Purpose.VERIFY_EMAIL,
        UserToken.code_digest.is_not(None),
        UserToken.expires_at > clock.now(),
    )


def new_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def code_digests(user: User, code: str) -> list[str]:
    # With whose it is: the same letters in two mails must not look alike in the table.
    return crypto.keyed_digests(f"{user.id} {code}")
