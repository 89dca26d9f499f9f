"""What a password must be, and changing it."""

from typing import NamedTuple

import sqlalchemy as sa
from flask import current_app
from flask_babel import lazy_gettext as _l
from werkzeug.utils import import_string

from app import audit
from app.accounts import authentication, hashing, mails, names, sessions, tokens
from app.accounts.errors import PasswordRefused, WrongPassword
from app.accounts.models import User, UserSession
from app.audit import Actor
from app.db import affected, atomic

LONGEST = 256
# zxcvbn's estimate. Its lists hold 30,000 leaked passwords and the common words and names; three
# unrelated words come to 10**11 and more, a common password typed twice to less than 10**5.
FEWEST_GUESSES = 10**9
# zxcvbn's time grows with the square of the length, and by a factor with each symbol that may
# stand for a letter: unbounded, a hundred characters of those are ten seconds of a core. What is
# left out of sight cannot make a password weaker.
CAREFUL_LENGTH = 64
MOST_SYMBOLS = 2
LETTER_LIKE = "@({[<!|$+%"
FEWEST_OWN = 8  # characters left once the name, the address and the site's name are taken out


def check_length(password: str) -> None:
    """Raise PasswordRefused unless the length is right; any character will do and counts one."""
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    if not password:
        raise PasswordRefused(_l("Enter a password."))
    if len(password) < shortest:
        raise PasswordRefused(
            _l("Use %(least)s characters or more. Three random words work well.", least=shortest)
        )
    if len(password) > LONGEST:
        raise PasswordRefused(_l("Use %(most)s characters or fewer.", most=LONGEST))


def check(password: str, *, name: str | None, email: str | None) -> None:
    """Raise PasswordRefused unless this person may have this password (SP 800-63B-4 3.1.1.2)."""
    check_length(password)
    context = words_about(name, email)
    rest = names.name_key(password)
    for word in sorted(context, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < FEWEST_OWN:
        raise PasswordRefused(
            _l("Choose a password that is not made of your name, your address or this site's name.")
        )
    # Imported for the first password: its lists are a sixth of what a worker holds.
    zxcvbn = import_string("zxcvbn:zxcvbn")
    with hashing.room:
        found = zxcvbn(bounded(password), user_inputs=list(context))
    if found["guesses"] < FEWEST_GUESSES:
        raise PasswordRefused(
            _l("This password is common or easy to guess. Three random words work well.")
        )


def bounded(password: str) -> str:
    """Return as much of the password as zxcvbn is fit to look at, its repetitions intact."""
    start = password[:CAREFUL_LENGTH]
    symbols = [symbol for symbol in dict.fromkeys(start) if symbol in LETTER_LIKE]
    opaque = {ord(symbol): 0xE000 + i for i, symbol in enumerate(symbols[MOST_SYMBOLS:])}
    return start.translate(opaque)


def words_about(name: str | None, email: str | None) -> set[str]:
    address = names.name_key(email or "")
    local, _, domain = address.partition("@")
    site = names.name_key(current_app.config["SITE_NAME"])
    words = {names.name_key(name or ""), address, local, domain, domain.partition(".")[0], site}
    return {word for word in words if len(word) > 2}


class Changed(NamedTuple):
    """What a change of the password did to the sessions."""

    ended: int
    secret: str  # of the session that was kept; the one before is dead


def change(user: User, current: str, new: str, *, by: Actor, keep: UserSession) -> Changed:
    """Set a new password, end every session but `keep`, and give that one a new secret.

    Raises WrongPassword (and counts it), PasswordRefused, throttle.Exceeded or sessions.Ended.
    """
    kept = sessions.key_of(keep)
    check(new, name=user.name, email=user.email or user.pending_email)
    verified = authentication.check_current(user, current, by=by)
    new_hash = hashing.make(new)
    if changed := store(user, verified, new_hash, by=by, keep=kept):
        return changed
    # A log-in beside this one may have made the same password's hash anew: look once more.
    verified = authentication.check_current(user, current, by=by)
    if changed := store(user, verified, new_hash, by=by, keep=kept):
        return changed
    raise WrongPassword


@atomic
def store(
    user: User, verified: str, new_hash: str, *, by: Actor, keep: sessions.Key
) -> Changed | None:
    """Replace the hash that was verified, or return None: of two at once only one finds it.

    Raises sessions.Ended where the session to keep is gone: nothing is changed for a stranger.
    """
    unchanged = sa.update(User).where(User.id == user.id, User.password_hash == verified)
    if affected(unchanged.values(password_hash=new_hash)) != 1:
        return None
    tokens.revoke_all(user)
    mails.password_changed(user)
    ended = sessions.end_others(user, keep.id)
    audit.record("password.changed", by=by, on=user, sessions_ended=ended)
    return Changed(ended, sessions.renew(keep))
