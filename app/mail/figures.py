"""The outbox from outside: how many mails are in each state, as cheaply as that can be told."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app import clock
from app.db import db
from app.mail.outbox import Mail, State

MOST = 10_000  # rows counted; beyond it the number says no more than "far too many"
RECENT = timedelta(hours=24)

ON_THEIR_WAY = (State.QUEUED, State.SENDING, State.DEFERRED)
NOT_ARRIVED = (State.REFUSED, State.EXPIRED, State.DROPPED)


def by_state() -> dict[str, int]:
    """Count the mails on their way, and those that ended without arriving within a day.

    One range of the index on state each, from its newest end. Those that were sent are told apart
    by nobody, and are too many to count.
    """
    since = clock.now() - RECENT
    on_their_way = {state: counted(state) for state in ON_THEIR_WAY}
    return on_their_way | {state: counted(state, since) for state in NOT_ARRIVED}


def counted(state: str, since: datetime | None = None) -> int:
    newest = sa.select(Mail.ended_at).where(Mail.state == state).order_by(Mail.id.desc())
    some = newest.limit(MOST).subquery()
    count = sa.select(sa.func.count()).select_from(some)
    return db.session.scalar(count.where(some.c.ended_at > since) if since else count) or 0
