"""From a row to a message: text and HTML from its two templates, with headers that nobody shapes.

What people typed is made inert before a template sees it, so that no name can add a line, a
header or a link to a mail.
"""

import json
import re
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Any, cast
from urllib.parse import urlsplit

import idna
from flask import current_app
from flask_babel import force_locale

from app import crypto
from app.mail.outbox import Mail

# Nothing in it that an address of the web goes on with: www.evil.example?a@b is a link to click.
AN_ADDRESS = re.compile(r"[^\s@/:?%&=#]+@[^\s@/:?%&=#]+")
# Behind each of these, a mail program may see an address to link to.
JOINTS = re.compile(r"([.:/@\\\u3002\uff0e\uff61])(?=\S)")
WORD_JOINER = "\u2060"  # shows nothing, breaks no line, and belongs to no address


class Kinds(HeaderRegistry):
    """What each header is, made once; by itself the library makes a class for each it sets."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = super().__getitem__(name)
        return self.made[name]


KINDS = Kinds()
ASCII, UTF8 = (policy.clone(header_factory=KINDS) for policy in (SMTP, SMTPUTF8))


class Unreadable(Exception):
    """The sealed part does not open: SECRET_KEY has changed, or somebody touched the row."""


def rendered(mail: Mail) -> EmailMessage:
    """Return the mail as it is sent, the same at each try; raises Unreadable."""
    parameters = parameters_of(mail)
    with force_locale(mail.language):
        subject, text, html = written(mail.kind, parameters, mail.language)
    recipient = address_of(mail.recipient)
    message = EmailMessage(ASCII if recipient.username.isascii() else UTF8)
    message["From"] = sender()
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = message_id(mail)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer from a holiday
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def parameters_of(mail: Mail) -> dict[str, Any]:
    """Return what the mail was written with; raises Unreadable."""
    opened = crypto.unseal(mail.sealed) if mail.sealed else None
    if opened is None:
        raise Unreadable
    return cast("dict[str, Any]", json.loads(opened))


def written(kind: str, parameters: dict[str, Any], language: str) -> tuple[str, str, str]:
    """Return the subject, the text and the HTML of a mail."""
    templates = current_app.jinja_env
    text = templates.get_template(f"mail/{kind}.txt")
    values = {
        "site_name": current_app.config["SITE_NAME"],
        "site_url": current_app.config["PUBLIC_URL"],
        "lang": language,
        **{name: inert(value) for name, value in parameters.items()},
    }
    subject = one_line("".join(text.blocks["subject"](text.new_context(values))))
    values["subject"] = subject
    html = templates.get_template(f"mail/{kind}.html").render(values)
    return subject, tidy(text.render(values)), html


def inert(value: Any) -> Any:
    """Return what may be somebody's words as one line that no mail program makes a link of.

    Our own links and addresses of mail stay as they are.
    """
    if not isinstance(value, str):
        return value
    line = one_line(value)
    ours = line.startswith(current_app.config["PUBLIC_URL"] + "/") and " " not in line
    if ours or AN_ADDRESS.fullmatch(line):
        return line
    return JOINTS.sub(rf"\1{WORD_JOINER}", line)


def one_line(text: str) -> str:
    spaced = "".join(c if c.isprintable() or c.isspace() else "" for c in text)
    return " ".join(spaced.split())


def tidy(text: str) -> str:
    """Templates leave empty lines where a block has nothing to say."""
    return re.sub(r"\n\s*\n", "\n\n", text).strip() + "\n"


def sender() -> Address:
    name, address = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])
    return Address(name, addr_spec=address)


def address_of(recipient: str) -> Address:
    """Return the address as servers know it: the domain in its ASCII form (RFC 5891).

    Raises ValueError for what is no address.
    """
    local, _, domain = recipient.rpartition("@")
    return Address(username=local, domain=idna.encode(domain, uts46=True).decode())


def message_id(mail: Mail) -> str:
    # Not the bare id: it would tell each recipient how many mails this site sends.
    own = crypto.keyed_digest(f"mail {mail.id} of {mail.created_at.isoformat()}")
    return f"<{own[:32]}@{urlsplit(current_app.config['PUBLIC_URL']).hostname}>"
