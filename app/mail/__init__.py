"""The outbox: a mail is a row, written with the change that caused it and delivered after.

The row holds what the mail says as sealed parameters; it is rendered when it is delivered, and
the sealed part is erased once the mail is sent, refused, expired or dropped. What is shown of it
to staff is its kind, its recipient and its state, never its text.
"""

from app.mail.delivery import Outcome, check, send_now
from app.mail.outbox import (
    COUNTED,
    SHOWN,
    Mail,
    State,
    get,
    has_room,
    how_many,
    is_kept,
    is_off,
    link,
    newest,
    of,
    retry,
    search,
    send,
)
from app.mail.rendering import Unreadable, inert, rendered

__all__ = [
    "COUNTED",
    "SHOWN",
    "Mail",
    "Outcome",
    "State",
    "Unreadable",
    "check",
    "get",
    "has_room",
    "how_many",
    "inert",
    "is_kept",
    "is_off",
    "link",
    "newest",
    "of",
    "rendered",
    "retry",
    "search",
    "send",
    "send_now",
]
