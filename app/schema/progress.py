"""How fast a backfill goes, what it says meanwhile, and whom it obeys."""

import gc
import itertools
import logging
import math
import sys
import time
from contextlib import suppress
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tqdm import tqdm

from app.schema import state
from app.schema.engine import Refused

log = logging.getLogger(__name__)

LEAST, MOST = 50, 5000  # rows in a batch
COMPUTING = 1.0  # seconds: what a kill may cost again
WRITING = 0.02  # seconds that a live writer may have to wait
# There every writer waits, whatever row it wants, and looks again after 1, 3, 8 and 18 ms.
WRITING_SQLITE = 0.003
PAUSE_SQLITE = 3  # times as long as the batch took: whoever waited finds it free when it looks
GROWTH = 1.25  # times the last batch, at most: one that was quick by chance says little
PAUSE_BUSY, PAUSE_BUSIEST = 0.05, 1.0  # seconds, doubled while the live database has trouble
LOOK_EVERY = 0.5  # seconds, while paused
LOOKS = 20  # then it says that it is still there: whoever was killed says nothing more


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.monotonic() - self.started


class Pace:
    """How many rows the next batch takes, so that nobody waits for it longer than is fair."""

    def __init__(self, dialect: str, most: int | None = None) -> None:
        self.most = most or MOST
        self.least = min(LEAST, self.most)
        self.size, self.pause = self.least, 0.0
        self.computing, self.writing = Stopwatch(), Stopwatch()
        self.sqlite = dialect == "sqlite"
        self.fair = WRITING_SQLITE if self.sqlite else WRITING

    def adapt(self, *, calm: bool) -> None:
        self.pause = 0.0 if calm else min(max(2 * self.pause, PAUSE_BUSY), PAUSE_BUSIEST)
        time.sleep(self.pause + (PAUSE_SQLITE * self.writing.seconds if self.sqlite else 0))
        room = min(
            COMPUTING / max(self.computing.seconds, 1e-6),
            self.fair / max(self.writing.seconds, 1e-6),
        )
        growth = min(max(room, 0.5), GROWTH) if calm else 0.5
        self.size = math.ceil(min(max(self.size * growth, self.least), self.most))


class Lines:
    """Where no terminal shows the bar it becomes a line of the log, now and then."""

    def write(self, text: str) -> None:
        if text.strip():
            log.info(text.strip())


IN_LINES: dict[str, Any] = {
    "mininterval": 10.0,
    "delay": 1e-9,  # nothing before that, and what stands there at the end is said by us
    "leave": False,
    "bar_format": "{desc}: {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left",
}


class Progress:
    """How far a backfill is, in our state and on a bar (or a line now and then), and its orders."""

    def __init__(self, connection: sa.Connection, revision: str, table: str, due: int) -> None:
        self.connection, self.revision, self.state = connection, revision, "failed"
        done = state.begin(connection, revision, table, due)
        shown: dict[str, Any] = {} if sys.stderr.isatty() else IN_LINES | {"file": Lines()}
        self.bar: Any = tqdm(
            total=done + due, initial=done, desc=table, unit=" rows", miniters=1, **shown
        )

    def __enter__(self) -> Self:
        gc.freeze()  # or Python looks through the whole program for 70 ms, in the midst of a batch
        return self

    def __exit__(self, *error: object) -> None:
        gc.unfreeze()
        with suppress(SQLAlchemyError):  # the connection may be what broke
            self.note(state=self.state)
        if self.bar.total:
            self.bar.refresh()
        self.bar.close()

    def note(self, rows: int = 0, **values: str) -> None:
        """Write down how far it is, with what the batch under way has written."""
        here = self.bar.n - self.bar.initial
        rate = here / max(self.bar.format_dict["elapsed"], 1e-6)
        state.note(self.connection, self.revision, done=self.bar.n + rows, rate=rate, **values)

    def obey(self) -> None:
        """Wait while somebody wants it to, or raise Refused."""
        told = state.told(self.connection, self.revision)
        if told == "pause":
            self.note(state="paused")
            log.info("%s: paused, until `flask db backfill --resume`", self.bar.desc)
            looks = itertools.count(1)
            while (told := state.told(self.connection, self.revision)) == "pause":
                time.sleep(LOOK_EVERY)
                if next(looks) % LOOKS == 0:
                    with suppress(DBAPIError):  # a lock that others hold must not end the pause
                        self.note()
            self.note(state="running")
        if told == "cancel":
            self.state = "cancelled"
            raise Refused(
                f"The backfill of {self.bar.desc} was cancelled after {self.bar.n} of "
                f"{self.bar.total} rows. They stay done; `flask db backfill` goes on from there."
            )
