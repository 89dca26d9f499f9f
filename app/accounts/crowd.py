"""A crowd of made-up people, to see how the site does with many. Never for production."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.accounts import hashing, names
from app.accounts.models import Origin, User
from app.db import atomic, db

PASSWORD = "orchard lantern seven"
BATCH = 20_000
COLUMNS = (
    "name",
    "name_key",
    "email",
    "email_key",
    "pending_email",
    "pending_email_key",
    "password_hash",
    "created_at",
    "last_seen_at",
    "origin",
    "deactivated_at",
)
FIRST = ["Ada", "Blaise", "Carol", "Dennis", "Edsger", "Frances", "Grace", "Hedy", "Ida"]
LAST = ["Allen", "Babbage", "Curie", "Dijkstra", "Euler", "Franklin", "Goldberg", "Hopper"]
Row = tuple[str | datetime | None, ...]


def first_free() -> int:
    """Return the number from which nobody of an earlier crowd is called."""
    return (db.session.scalar(sa.select(sa.func.max(User.id))) or 0) + 1


def make_hash() -> str:
    return hashing.make(PASSWORD)


def people(start: int, count: int, password_hash: str) -> list[Row]:
    """Return so many people: one in ten has not confirmed, one in fifty is deactivated."""
    now = clock.now()
    rows: list[Row] = []
    for number in range(start, start + count):
        first, last = FIRST[number % len(FIRST)], LAST[number % len(LAST)]
        name, address = f"{first} {last} {number}", f"{first}.{last}.{number}@example.com"
        came = now - timedelta(minutes=number % 525_600)
        is_confirmed = number % 10 != 0
        rows.append(
            (
                name,
                names.name_key(name),
                address if is_confirmed else None,
                names.address_key(address) if is_confirmed else None,
                None if is_confirmed else address,
                None if is_confirmed else names.address_key(address),
                password_hash,
                came,
                came,
                Origin.OPERATOR,
                came if number % 50 == 7 else None,
            )
        )
    return rows


@atomic
def move_in(rows: Sequence[Row]) -> None:
    """Write a batch of people in the fastest way that the database has."""
    connection = db.session.connection()
    if connection.dialect.name != "postgresql":
        db.session.execute(
            sa.insert(User.__table__),  # type: ignore[arg-type]
            [dict(zip(COLUMNS, row, strict=True)) for row in rows],
        )
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f'COPY "user" ({", ".join(COLUMNS)}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
