"""What a verb has left behind."""

import json
from typing import Any

import sqlalchemy as sa

from app.audit import AuditEvent
from app.db import Model, db
from app.mail import Mail


def everything() -> dict[str, list[Any]]:
    """Return every row of every table: a refusal must leave them as they were."""
    tables = Model.metadata.sorted_tables
    return {table.name: sorted(map(repr, db.session.execute(sa.select(table)))) for table in tables}


def trail() -> list[tuple[Any, ...]]:
    """Return the audit trail, oldest first: the event, by whom, on whom, and its details."""
    rows = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id))
    return [
        (row.event, row.actor_name or row.actor_kind, row.subject_name, json.loads(row.details))
        for row in rows
    ]


def mails() -> list[tuple[str, str]]:
    """Return the kind and the recipient of each mail in the outbox, oldest first."""
    rows = db.session.scalars(sa.select(Mail).order_by(Mail.id))
    return [(row.kind, row.recipient) for row in rows]
