"""The mail server: one line to it, kept while there are mails, and what its answers mean.

`Deferred` is "not now": it said so, was not there, or would not have us. `Refused` is its "no" to
this recipient or this text, which a later try would not change.
"""

import smtplib
import ssl
import threading
from contextlib import suppress
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _

from app import jobs

# RFC 3207 4, RFC 4954 6: it wants us to log in or to encrypt, whoever the recipient is.
OURS_TO_MEND = {530, 534, 535, 538}
# What takes the text may look at it for a while before it answers. In all, a mail takes less than
# what jobs leaves of a lease: ten answers and this one.
LAST_ANSWER = 6

LONGEST_REASON = 250  # characters: what its column holds

kept = threading.local()


class Deferred(Exception):
    """Not now; the message says why, for the staff."""


class Refused(Exception):
    """Not now and not later; the message says why, for the staff."""


def hand_over(message: EmailMessage) -> str:
    """Give a message to the mail server and return its answer, or raise Deferred or Refused."""
    try:
        return converse(message)
    except smtplib.SMTPResponseException as error:
        hang_up()
        raise Deferred(said(error.smtp_code, error.smtp_error)) from error
    except OSError as error:  # of smtplib's too: a server that hung up, or cannot encrypt
        hang_up()
        raise Deferred(one_line(_("The mail server cannot be used: %(why)s", why=error))) from error


def converse(message: EmailMessage) -> str:
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    line = begun(sender, needs_utf8=not recipient.isascii())
    judge(*line.rcpt(recipient))
    patience = current_app.config["MAIL_TIMEOUT"]
    assert line.sock is not None  # it has just answered
    line.sock.settimeout(LAST_ANSWER * patience)
    try:
        answer = judge(*line.data(message.as_bytes()))
        kept.is_midway = False
        return answer
    except smtplib.SMTPDataError as error:
        return judge(error.smtp_code, error.smtp_error)
    finally:
        if line.sock:
            line.sock.settimeout(patience)


def judge(code: int, words: bytes | str) -> str:
    """Return what the server said, or raise what it means."""
    if 200 <= code < 300:
        return said(code, words)
    if 500 <= code < 600 and code not in OURS_TO_MEND:
        raise Refused(said(code, words))
    raise Deferred(said(code, words))


def said(code: int, words: bytes | str) -> str:
    """Return an answer as one short line, whatever the server put into it."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}")


def one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_REASON]


def begun(sender: str, *, needs_utf8: bool) -> smtplib.SMTP:
    """Return a line on which a mail is begun: the one that this worker has, or a new one."""
    if getattr(kept, "line", None) is not None:
        with suppress(OSError, Deferred):  # it ended, or has taken as much as it takes on one
            return begin(kept.line, sender, needs_utf8)
        hang_up()
    kept.line, kept.is_midway = connect(), False
    return begin(kept.line, sender, needs_utf8)


def begin(line: smtplib.SMTP, sender: str, needs_utf8: bool) -> smtplib.SMTP:
    if needs_utf8 and not line.has_extn("smtputf8"):
        raise Refused(_("The mail server takes no address with these letters."))
    if kept.is_midway:  # a mail that was not taken is still in its hands
        line.rset()
    kept.is_midway = True
    code, words = line.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"] if needs_utf8 else [])
    if code != 250:
        # It is our own address that it will not have: no fault of the recipient's.
        raise Deferred(said(code, words))
    return line


def connect() -> smtplib.SMTP:
    settings = current_app.config
    options: dict[str, Any] = {
        "timeout": settings["MAIL_TIMEOUT"],
        "local_hostname": urlsplit(settings["PUBLIC_URL"]).hostname,
    }
    where = settings["MAIL_SERVER"], settings["MAIL_PORT"]
    if settings["MAIL_USE_SSL"]:
        line: smtplib.SMTP = smtplib.SMTP_SSL(*where, context=verified(), **options)
    else:
        line = smtplib.SMTP(*where, **options)
    try:
        if settings["MAIL_USE_TLS"]:
            line.starttls(context=verified())
        if settings["MAIL_USERNAME"]:
            line.login(settings["MAIL_USERNAME"], settings["MAIL_PASSWORD"])
        line.ehlo_or_helo_if_needed()
    except OSError:
        line.close()
        raise
    return line


def verified() -> ssl.SSLContext:
    """Return the side of TLS that wants to see a certificate, and that it is the server's own."""
    return ssl.create_default_context()


@jobs.afterwards
def hang_up() -> None:
    """Let go of the line; the next mail opens another."""
    line, kept.line = getattr(kept, "line", None), None
    if line is not None:
        with suppress(OSError):
            line.quit()
