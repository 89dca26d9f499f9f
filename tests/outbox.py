"""The mails of a site without a mail server, as their recipients read them."""

import re
from email.message import EmailMessage
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask

from app import jobs, mail
from app.accounts.models import User
from app.db import db
from app.mail import Mail, State


class Outbox:
    """Runs the jobs that are due before it looks, as a worker beside the site would."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def run(self) -> None:
        """Do all jobs that are due, and those that they cause."""
        with self.app.app_context():
            while jobs.run_due():
                pass

    def mails(self, to: User | str | None = None) -> list[EmailMessage]:
        """Return the mails that were sent, oldest first."""
        self.run()
        sent = sa.select(Mail).where(Mail.state == State.SENT).order_by(Mail.id)
        if to is not None:
            sent = sent.where(Mail.recipient == address_of(to))
        with self.app.app_context():
            return [mail.rendered(row) for row in db.session.scalars(sent)]

    def to(self, whom: User | str) -> EmailMessage:
        """Return the newest mail to them."""
        mails = self.mails(whom)
        assert mails, f"no mail to {address_of(whom)}"
        return mails[-1]

    def link_to(self, whom: User | str) -> str:
        """Return the first link of the newest mail to them, as a path of the site."""
        found = re.search(r"^https?://\S+", text_of(self.to(whom)), re.MULTILINE)
        assert found, text_of(self.to(whom))
        parts = urlsplit(found[0])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def code_to(self, whom: User | str) -> str:
        """Return the code in the newest mail to them."""
        found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", text_of(self.to(whom)))
        assert found, text_of(self.to(whom))
        return found[0]


def address_of(whom: User | str) -> str:
    return whom if isinstance(whom, str) else str(whom.email or whom.pending_email)


def text_of(message: EmailMessage) -> str:
    """Return what is read of a mail where no HTML is shown."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def html_of(message: EmailMessage) -> str:
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())
