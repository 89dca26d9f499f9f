"""A real mail server on loopback: it answers as it is told and keeps what it took."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class PostOffice:
    """`answers` are given to the next recipients, one each, before it takes everything."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.hangs = False
        self.asked: list[bytes] = []  # each message that came, taken or not
        self.taken: list[bytes] = []
        self.lines = 0
        self.envelopes: list[tuple[str, list[str]]] = []

    # No property: aiosmtpd looks at every attribute of its handler each time a line comes in.
    def took(self) -> list[EmailMessage]:
        return [read(content) for content in self.taken]

    async def handle_EHLO(  # noqa: N802, as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        self.lines += 1
        session.host_name = name
        return answers

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.asked.append(envelope.content)
        while self.hangs:
            await asyncio.sleep(0.02)
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 2.0.0 queued as 4711"


def read(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


@contextmanager
def open_on(port: int, **options: Any) -> Iterator[PostOffice]:
    """Run a mail server on this port of loopback until the end of the block."""
    office = PostOffice()
    controller = Controller(office, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield office
    finally:
        office.hangs = False
        controller.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def settings(port: int, **more: object) -> dict[str, object]:
    """Return how a site is told to send its mail there."""
    return {
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": port,
        "MAIL_USE_TLS": False,
        "MAIL_TIMEOUT": 2,
        **more,
    }


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until something is so, or fail: another process works at it."""
    for _ in range(round(seconds / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"still not: {what}")
