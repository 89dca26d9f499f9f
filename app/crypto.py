"""Random secrets, their digests, and sealing of what must be read back.

A secret is shown once and never stored; its digest is.
"""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

SECRET_BYTES = 32  # 256 bits: ASVS 5.0 11.5.1 asks for 128


def secret() -> str:
    """Return a new unguessable value, safe in a cookie and in an address."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(value: str) -> str:
    """Return what is stored of a secret: 64 hexadecimal digits of SHA-256."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def seal(text: str) -> str:
    """Return `text` as only this site can read it, and as nobody can change it unnoticed."""
    return sealer().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str | None:
    """Return what was sealed, or None if it was tampered with or SECRET_KEY has changed."""
    try:
        return sealer().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def sealer() -> Fernet:
    # A key of its own: what signs cookies is not also what seals rows (RFC 5869).
    derived = HKDF(SHA256(), length=32, salt=None, info=b"sealed rows")
    key = derived.derive(current_app.config["SECRET_KEY"].encode())
    return Fernet(base64.urlsafe_b64encode(key))
