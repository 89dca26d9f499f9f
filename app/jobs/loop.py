"""The loop: claim what is due, do it one after the other, and write down how each ended."""

import json
import logging
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db import Busy, db
from app.jobs.queue import (
    BATCH,
    GIVE_UP_AFTER,
    HANDLERS,
    PERIODS,
    Claimed,
    Later,
    arm,
    back_off,
    claim,
    finish,
    give_back,
    is_due,
    put_off,
)

log = logging.getLogger(__name__)

# A claim older than this is given back unstarted: a handler has the rest of the lease, four
# minutes, and has to bound what it waits for by that.
START_WITHIN = timedelta(minutes=1)
IDLE = 0.5  # seconds between two looks at an empty table: one read, no transaction
AWAY = 5.0  # seconds until a database that is away is asked again

AFTERWARDS: list[Callable[[], None]] = []


def afterwards(tidy: Callable[[], None]) -> Callable[[], None]:
    """Register what puts away, once no more is due, what the handlers shared."""
    AFTERWARDS.append(tidy)
    return tidy


def work(stop: Callable[[], bool]) -> None:
    """Do jobs as they come due, until `stop` says so; a database that goes away is waited for."""
    is_armed = is_away = False
    while not stop():
        try:
            if not is_armed:
                arm()
                is_armed = True
            is_idle = not run_due(stop)
        except (DBAPIError, Busy) as error:
            if not is_away:
                log.warning("the database cannot be used (%s): trying again", type(error).__name__)
            is_away = True
            db.session.remove()
            pause(AWAY, stop)
            continue
        if is_away:
            log.warning("the database can be used again")
            is_away = False
        if is_idle:
            pause(IDLE, stop)
    put_away()


def pause(seconds: float, stop: Callable[[], bool]) -> None:
    for _ in range(round(seconds / IDLE)):
        if not stop():
            time.sleep(IDLE)


def run_due(stop: Callable[[], bool] = lambda: False) -> int:
    """Claim what is due now, one batch of it, do it, and return how many jobs were done.

    Once `stop` says so the job in hand is finished, and the others are given back.
    """
    if not is_due():
        put_away()
        return 0
    jobs, claimed_at, done = claim(), clock.now(), 0
    try:
        for job in jobs:
            if stop() or clock.now() > claimed_at + START_WITHIN:
                break
            done += 1
            run(job)
    finally:
        if done < BATCH:  # else there may be more, for which it is wanted again at once
            put_away()
    if jobs[done:]:
        give_back(jobs[done:])
    return done


def put_away() -> None:
    for tidy in AFTERWARDS:
        tidy()


def run(job: Claimed) -> None:
    """Do one job in a context of its own, and write down how it ended."""
    try:
        with current_app.app_context():
            finish(job, HANDLERS[job.kind](**json.loads(job.payload)))
    except Later as later:
        put_off(job, later.due_at, later.reason)
    except Exception as error:
        # A handler may fail in any way; its job is kept, and the worker goes on.
        what = described(error)
        log.error("job %s (%s) failed: %s", job.id, job.kind, what)
        put_off(job, after_failure(job), what)


def described(error: Exception) -> str:
    """Return what failed and where, without its message: that may quote an address or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def after_failure(job: Claimed) -> datetime | None:
    """Return when a job that failed is tried again, or None: it has failed for long enough."""
    now = clock.now()
    if job.kind in PERIODS:
        return now + min(back_off(job.attempts), PERIODS[job.kind])
    return now + back_off(job.attempts) if now < job.created_at + GIVE_UP_AFTER else None
