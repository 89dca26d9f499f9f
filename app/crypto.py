"""Random secrets, their digests, and sealing of what must be read back.

A secret is shown once and never stored; its digest is.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
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
    return keyed_digests(value)[0]


def keyed_digests(value: str) -> list[str]:
    """Return what may be stored of a short code: under the key of today, then under those before.

    A digest cannot be made again under another key, so all of them are looked for.
    """
    keys = derived_keys(b"short codes")
    return [hmac.new(key, value.encode(), hashlib.sha256).hexdigest() for key in keys]


def seal(text: str) -> str:
    """Return `text` as only this site can read it, and as nobody can change it unnoticed."""
    return sealer().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str | None:
    """Return what was sealed, or None if it was tampered with or its key is none of ours."""
    try:
        return sealer().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def resealed(sealed: str) -> str | None:
    """Return the same sealed under the key of today, or None if none of our keys opens it."""
    try:
        return sealer().rotate(sealed.encode()).decode()
    except InvalidToken:
        return None


def is_sealed_today(sealed: str) -> bool:
    """Whether the key of today opens it: the keys before it are not needed for this one."""
    try:
        fernets(derived_keys(b"sealed rows"))[0].decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def sealer() -> MultiFernet:
    """Seals under the key of today, and opens under those before it too."""
    return MultiFernet(fernets(derived_keys(b"sealed rows")))


def fernets(keys: list[bytes]) -> list[Fernet]:
    return [Fernet(base64.urlsafe_b64encode(key)) for key in keys]


def derived_keys(use: bytes) -> list[bytes]:
    """Return keys for one use alone: what signs cookies is not also what seals rows (RFC 5869)."""
    before = current_app.config["SECRET_KEY_FALLBACKS"] or []
    keys = [current_app.config["SECRET_KEY"], *before]
    return [HKDF(SHA256(), length=32, salt=None, info=use).derive(key.encode()) for key in keys]
