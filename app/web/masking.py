"""What a log must not know, and how a line is written without it.

A secret that was mailed, an email address and what was typed as a password are recognised by what
they are: wherever they stand, in a path as in the text of an error.
"""

import re
import unicodedata
from collections.abc import Iterator

from flask import has_request_context, request
from werkzeug.exceptions import HTTPException

# As long as the secrets of app/crypto.py, or nearly: what a mail program cut off is masked too.
SECRET = re.compile(r"[\w-]{32,}")
EMAIL = re.compile(r"[^\s/@]+(?:@|%40)[^\s/@]+", re.IGNORECASE)
ROW = re.compile(r"(?m)^DETAIL: .*")  # PostgreSQL quotes the row there, the hash in it too
TYPED = {"password", "code", "csrf"}  # words in the names of fields
SHORTEST = 8  # what is shorter was no password of anybody's, and would mask half the line

HIDDEN = "…"


def is_secret(field: str) -> bool:
    """Whether a field of this name takes what only whoever typed it may know."""
    return not TYPED.isdisjoint(re.split(r"[\W_]+", field.lower()))


def masked(path: str) -> str:
    """Return the path of a request, or a line about it, without what could be a secret in it."""
    return SECRET.sub(HIDDEN, path)


def masked_path(path: str) -> str:
    """Return the path of a request without secrets and addresses."""
    return EMAIL.sub(HIDDEN, masked(path))


def masked_text(text: str) -> str:
    """Return whatever is to be logged without secrets, addresses, and what was typed as one."""
    for value in typed():
        text = text.replace(value, HIDDEN)
    return masked_path(ROW.sub(f"DETAIL: {HIDDEN}", text))


def typed() -> Iterator[str]:
    """Yield the secrets in the form of this request, however an error may show them."""
    if not has_request_context() or request.method in {"GET", "HEAD"}:
        return
    try:
        fields = [(name, text) for name, text in request.form.items(multi=True) if is_secret(name)]
    except HTTPException:  # a form that cannot be read: nothing of it can be in an error
        return
    for _, text in fields:
        for form in (text, unicodedata.normalize("NFKC", text)):
            if len(form) >= SHORTEST:
                yield from (form, repr(form)[1:-1], ascii(form)[1:-1])
