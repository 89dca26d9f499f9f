"""Finding people: pages by key, never by number, and only the columns that are shown."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts import authentication, names
from app.accounts.models import User
from app.db import db

SHOWN = (User.id, User.name, User.email, User.pending_email, User.created_at)
LARGEST_ID = 2**31 - 1  # user.id is a 32-bit integer on PostgreSQL and MariaDB


def page(*, after: int = 0, limit: int) -> Sequence[Any]:
    """Return up to `limit` people with an id above `after`, by id."""
    people = sa.select(*SHOWN).where(User.id > after).order_by(User.id).limit(limit)
    return db.session.execute(people).all()


def find(text: str) -> User | None:
    """Return the person with this id, or else with this name or confirmed address."""
    if len(text) > names.LONGEST_TYPED or not text.isprintable():
        return None
    is_id = text.isascii() and text.isdigit() and int(text) <= LARGEST_ID
    user = db.session.get(User, int(text)) if is_id else None
    return user or authentication.find(text)
