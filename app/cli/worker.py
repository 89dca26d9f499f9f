"""flask worker: does the jobs, any number of it on any number of machines."""

import logging
import os
import signal
from collections.abc import Callable
from types import FrameType

import click
from flask.cli import with_appcontext

from app import jobs, mail
from app.accounts import expiry, recovery, retention, statistics
from app.cli import kept
from app.jobs import pulse
from app.revisions import readiness

log = logging.getLogger(__name__)

# Whose jobs are done here: a module registers their handlers by being imported.
DONE_HERE = (mail, recovery, expiry, retention, statistics, pulse, kept)


@click.command(help="Do the jobs as they come due: deliver mail, tidy up. Run any number of it.")
@with_appcontext
def worker() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    serve()


def serve(is_over: Callable[[], bool] = lambda: False) -> None:
    """Work until `is_over`, or until a signal says so: then finish the job in hand."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    log.info("worker %s started", os.getpid())
    if reason := readiness.not_ready():
        log.warning("%s", reason)
    jobs.work(lambda: bool(asked) or is_over())
    log.info("worker %s stopped", os.getpid())
