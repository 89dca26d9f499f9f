"""How fast a backfill goes, and what it says meanwhile."""

import logging
import sys
import time

from tqdm import tqdm

log = logging.getLogger(__name__)

LEAST, MOST = 50, 5000  # rows in a batch
COMPUTING = 1.0  # seconds: what a kill may cost again
WRITING = 0.05  # seconds that a live writer may have to wait
WRITING_SQLITE = 0.005  # there every writer waits, not only one who wants the same row
PAUSE_SQLITE = 3  # times as long as the batch took: its queue of writers is not a fair one
LINE_EVERY = 10.0  # seconds, where no terminal shows a bar


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self.seconds = time.monotonic() - self.started


class Pace:
    """How many rows the next batch takes, so that nobody waits for it longer than is fair."""

    def __init__(self, dialect: str) -> None:
        self.size = LEAST
        self.computing, self.writing = Stopwatch(), Stopwatch()
        self.sqlite = dialect == "sqlite"
        self.fair = WRITING_SQLITE if self.sqlite else WRITING

    def adapt(self) -> None:
        if self.sqlite:
            time.sleep(PAUSE_SQLITE * self.writing.seconds)
        room = min(
            COMPUTING / max(self.computing.seconds, 1e-6),
            self.fair / max(self.writing.seconds, 1e-6),
        )
        self.size = int(min(max(self.size * min(max(room, 0.5), 2), LEAST), MOST))


class Progress:
    """A bar with rate and time left on a terminal; elsewhere a line now and then."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self.started = self.said = time.monotonic()
        self.in_lines = not sys.stderr.isatty()
        self.bar = tqdm(total=total, desc=what, unit=" rows", disable=self.in_lines)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
        if self.total and self.in_lines:
            self.say()

    def add(self, rows: int) -> None:
        self.done += rows
        self.bar.update(rows)
        if self.in_lines and time.monotonic() - self.said > LINE_EVERY:
            self.say()

    def say(self) -> None:
        self.said = time.monotonic()
        rate = self.done / max(self.said - self.started, 1e-6)
        left = max(self.total - self.done, 0) / rate if rate else 0
        log.info(
            "%s: %d of %d rows, %.0f a second, %.0f s left",
            *(self.what, self.done, self.total, rate, left),
        )
