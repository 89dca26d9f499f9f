"""Random secrets, their digests, and sealing of what must be read back.

A secret is shown once and never stored; its digest is.
"""

import base64
import hashlib
import hmac
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


def keyed_digest(value: str) -> str:
    """Return the digest of a short code, which only this site can compute.

    A short code has too few bits for a plain digest: whoever reads the table could try them all.
    """
    return hmac.new(derived_key(b"short codes"), value.encode(), hashlib.sha256).hexdigest()


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
    return Fernet(base64.urlsafe_b64encode(derived_key(b"sealed rows")))


def derived_key(use: bytes) -> bytes:
    """Return a key for one use alone: what signs cookies is not also what seals rows (RFC 5869)."""
    derived = HKDF(SHA256(), length=32, salt=None, info=use)
    return derived.derive(current_app.config["SECRET_KEY"].encode())
