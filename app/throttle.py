"""Every limit of the site, as a table to review, counted in rows that all workers share.

A limit is spent in a transaction of its own, before the verb it guards, so that attempts made
side by side cannot pass together. Keys are digests: the table names nobody.
"""

import functools
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app import clock, crypto
from app.db import TABLE_OPTIONS, Model, UTCDateTime, atomic, db, key
from app.db.upserts import upsert


@dataclass(frozen=True)
class Limit:
    name: str
    tries: int
    window: timedelta


# Only failures stay counted: a log-in that succeeds gives back what it spent.
LOGIN_PER_ACCOUNT = Limit("login-account", tries=10, window=timedelta(minutes=15))
# Not the log-in's: a stranger who uses that one up must not keep the owner from acting.
CONFIRM_PER_ACCOUNT = Limit("confirm-account", tries=10, window=timedelta(minutes=15))
# Guesses of mailed codes, however many mails: each new one comes with tries of its own.
CODE_PER_ACCOUNT = Limit("code-account", tries=10, window=timedelta(minutes=15))
LOGIN_PER_IP = Limit("login-ip", tries=30, window=timedelta(minutes=15))
LOGIN_SITE = Limit("login-site", tries=5000, window=timedelta(minutes=5))
SIGN_UP_PER_IP = Limit("sign-up-ip", tries=10, window=timedelta(hours=1))
# Asking for a reset, for another confirmation, for a corrected address.
REQUEST_PER_IP = Limit("request-ip", tries=20, window=timedelta(hours=1))
# All that strangers can have sent to one address, whatever kind of mail it is.
MAIL_PER_HOUR = Limit("mail-hour", tries=5, window=timedelta(hours=1))
MAIL_PER_DAY = Limit("mail-day", tries=20, window=timedelta(days=1))


class Counter(Model):
    """How much of one limit somebody has used, and when it is whole again."""

    __tablename__ = "throttle"
    __table_args__ = TABLE_OPTIONS

    key: Mapped[str] = mapped_column(key(96), primary_key=True)
    used: Mapped[int]
    resets_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Exceeded(Exception):
    """A limit is used up; nothing was checked. `until` says when to come back."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"a limit is used up until {until:%H:%M:%S}")
        self.until = until


class Receipt(NamedTuple):
    """What was spent, so that exactly that can be given back."""

    key: str
    resets_at: datetime


@atomic
def spend(*claims: tuple[Limit, str]) -> list[Receipt]:
    """Use one try of each limit for its subject, or raise Exceeded and use none of them."""
    return [spend_one(limit, subject) for limit, subject in claims]


def within(*claims: tuple[Limit, str]) -> bool:
    """Use one try of each limit inside a verb, and return whether all of them still had one.

    Up to the first that had none: what it stops uses up none of those after it.
    """
    return all(used_of(limit, subject)[0] <= limit.tries for limit, subject in claims)


def spend_one(limit: Limit, subject: str) -> Receipt:
    used, receipt = used_of(limit, subject)
    if used > limit.tries:
        raise Exceeded(receipt.resets_at)
    return receipt


def used_of(limit: Limit, subject: str) -> tuple[int, Receipt]:
    """Use one try; return how many that makes, and the receipt for it."""
    row_key, now = f"{limit.name}:{crypto.digest(subject)}", clock.now()
    moments = {"now": now, "until": now + limit.window}
    counting = counting_up(db.engine.dialect.name)
    used, resets_at = db.session.execute(counting, {"row_key": row_key, **moments}).one()
    return used, Receipt(row_key, resets_at)


# The two statements are made once: a log-in runs each three times, and making one takes longer
# than running it.
ROWS: Any = Counter.__table__


@functools.cache
def counting_up(engine: str) -> Any:
    """Return the one upsert that is the whole counter: it starts a window or adds to it."""
    now, until = (sa.bindparam(name, type_=UTCDateTime) for name in ("now", "until"))
    is_over = ROWS.c.resets_at <= now
    # `used` comes first: MariaDB assigns from left to right and would see the new resets_at.
    change = [
        ("used", sa.case((is_over, 1), else_=ROWS.c.used + 1)),
        ("resets_at", sa.case((is_over, until), else_=ROWS.c.resets_at)),
    ]
    row = {"key": sa.bindparam("row_key"), "used": 1, "resets_at": until}
    counting = upsert(engine, ROWS, row, lambda new: change)
    return counting.returning(ROWS.c.used, ROWS.c.resets_at)


GIVING_BACK = (
    sa.update(ROWS)
    .where(ROWS.c.key == sa.bindparam("row_key"), ROWS.c.resets_at == sa.bindparam("until"))
    .where(ROWS.c.used > 0)
    .values(used=ROWS.c.used - 1)
)


@atomic
def give_back(receipts: Iterable[Receipt]) -> None:
    """Undo `spend`, unless the window it belonged to is over."""
    spent = [{"row_key": receipt.key, "until": receipt.resets_at} for receipt in receipts]
    db.session.execute(GIVING_BACK, spent)


def network(ip: str) -> str:
    """Return what counts as one address: an IPv4 address, or an IPv6 network of /64.

    Whoever has one IPv6 address commonly has the 2**64 beside it. What is no address (a server
    behind a Unix socket has none to give) counts as it is.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return ip
