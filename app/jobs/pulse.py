"""How workers show that they live: a job that does nothing, every minute."""

from datetime import timedelta

import sqlalchemy as sa

from app import clock
from app.db import db
from app.jobs.queue import LEASE, Job, periodic

PULSE = "jobs.pulse"


@periodic(PULSE, every=timedelta(minutes=1))
def pulse() -> None:
    """Do nothing: that its row was moved on to the next minute is what there is to see."""


def is_felt() -> bool:
    """Whether a worker has been there within a lease, which is how long a job may keep one."""
    due_at = db.session.scalar(sa.select(Job.due_at).where(Job.name == PULSE))
    return due_at is not None and due_at > clock.now() - LEASE
