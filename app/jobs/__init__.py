"""Work that is done after the answer: rows in one table, and the loop that claims them.

Any number of workers on any number of machines share them. A job is idempotent: a worker that
dies with it leaves it to the next one, once its lease is over. Each module registers the handlers
of its own kinds, so that this one knows none of them.
"""

from app.jobs.loop import afterwards, run_due, work
from app.jobs.queue import LEASE, Job, Later, add, arm, back_off, handler, periodic

__all__ = [
    "LEASE",
    "Job",
    "Later",
    "add",
    "afterwards",
    "arm",
    "back_off",
    "handler",
    "periodic",
    "run_due",
    "work",
]
