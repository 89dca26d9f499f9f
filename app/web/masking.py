"""What a log must not know, and how a line is written without it.

A secret that was mailed, an email address and what was typed as a password are recognised by what
they are: wherever they stand, in a path as in the text of an error.
"""

import re
import unicodedata
from itertools import islice

from flask import has_request_context, request

# As long as the secrets of app/crypto.py, or nearly: what a mail program cut off is masked too.
SECRET = re.compile(r"[\w-]{32,}")
# What may hold an address; which does is seen in one look, however long the text is.
WORD = re.compile(r"[^\s/]+")
HASH = re.compile(r"\$argon2\w*\$\S+|\b(?:scrypt|pbkdf2):\S+")
# PostgreSQL quotes the row there, line breaks in its values too.
ROW = re.compile(
    r"^DETAIL: .*?(?=^(?:CONTEXT|HINT|The above|During handling|\[SQL|\(Background)|\Z)",
    re.MULTILINE | re.DOTALL,
)
TYPED = {"password", "code", "csrf"}  # words in the names of fields
SHORTEST = 8  # what is shorter was no password of anybody's, and would mask half the line
MOST = 20  # values that are looked for: no form of ours has as many

HIDDEN = "…"


def is_secret(field: str) -> bool:
    """Whether a field of this name takes what only whoever typed it may know."""
    return not TYPED.isdisjoint(re.split(r"[\W_]+", field.lower()))


def masked(path: str) -> str:
    """Return the path of a request, or a line about it, without what could be a secret in it."""
    return SECRET.sub(HIDDEN, path)


def masked_path(path: str) -> str:
    """Return the path of a request without secrets and addresses."""
    return masked(WORD.sub(without_address, path))


def without_address(word: re.Match[str]) -> str:
    return HIDDEN if "@" in word[0] or "%40" in word[0] else word[0]


def masked_text(text: str) -> str:
    """Return whatever is to be logged without secrets, addresses, and what was typed as one."""
    for value in sorted(typed(), key=len, reverse=True):  # one may begin with another
        text = text.replace(value, HIDDEN)
    return masked_path(HASH.sub(HIDDEN, ROW.sub(f"DETAIL: {HIDDEN}\n", text)))


def typed() -> set[str]:
    """Return the secrets in the form of this request, however an error may show them.

    Of a form that has been read: nothing is waited for here, where every other line waits, and
    what nobody has read stands in no error.
    """
    form = request.__dict__.get("form") if has_request_context() else None
    if not form:
        return set()
    secret = (text for name, text in form.items(multi=True) if is_secret(name))
    texts = {text for text in islice(secret, MOST) if len(text) >= SHORTEST}
    texts |= {unicodedata.normalize("NFKC", text) for text in texts}
    return {shown for text in texts for shown in (text, repr(text)[1:-1], ascii(text)[1:-1])}
