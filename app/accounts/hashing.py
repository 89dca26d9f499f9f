"""One password, one hash: argon2id, and Werkzeug's formats until their owner's next log-in."""

import base64
import os
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from werkzeug.security import check_password_hash

# OWASP Password Storage Cheat Sheet: m=19 MiB, t=2, p=1.
ARGON2 = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
FORMATS = ("$argon2", "scrypt:", "pbkdf2:")  # whatever else stands there matches nothing
MOST_CHARACTERS = 4096  # of anything that is hashed: refused beyond, never cut
# Hashing is memory and a core each: more at once than cores only makes everybody wait.
room = threading.BoundedSemaphore(os.cpu_count() or 1)


def make(password: str) -> str:
    """Return the hash to store. NFKC first, for every keyboard (SP 800-63B-4, 3.1.1.2)."""
    with room:
        return ARGON2.hash(prepared(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that `stored` was made of; takes one hash's work either way."""
    if stored is None or not stored.startswith(FORMATS) or len(password) > MOST_CHARACTERS:
        # Timing must not tell who has an account, or a password, here.
        stored, password = DUMMY, "\0"
    with room:
        if stored.startswith("$argon2"):
            return argon2_matches(stored, password)
        return werkzeug_matches(stored, password)


def argon2_matches(stored: str, password: str) -> bool:
    try:
        return ARGON2.verify(stored, prepared(password))
    except (VerificationError, InvalidHashError):
        return False


def werkzeug_matches(stored: str, password: str) -> bool:
    try:
        return check_password_hash(stored, password)
    except ValueError:  # parameters that are none
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with another method, or with weaker parameters, than `make` uses."""
    return not stored.startswith("$argon2") or ARGON2.check_needs_rehash(stored)


def prepared(password: str) -> bytes:
    # A lone surrogate cannot be encoded; it can only come from a program, and matches nothing.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


# Made up, in the form and with the work of those that `make` returns; no password has it.
DUMMY = "$argon2id$v=19$m={},t={},p={}${}${}".format(
    ARGON2.memory_cost,
    ARGON2.time_cost,
    ARGON2.parallelism,
    *(base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32)),
)
