"""Both releases, at work: a reader and a writer with the site's own queries, every 3 ms.

The release before reads and writes until it is retired. From the roll-out on, which is in the
middle of the change, every other write is of the new release, and at last all are.

Beside them two who ask the database nothing, and show what the machine adds: one only sleeps as
long, and oversleeps; the other writes 8 kB of its own and syncs them to the disk, as a commit does.
Python's collector once stopped each worker for 50 to 110 ms, to look at all of the site and at our
own notes. That is no wait for a database: what stands before the start is not looked at again.
"""

import gc
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Self

import sqlalchemy as sa
from flask import Flask

from app import create_app
from app.accounts import authentication, sessions
from app.accounts.models import User
from app.audit import Actor
from app.db import atomic, db

EVERY = 0.003  # seconds between two queries of the same worker
SYNC_EVERY = 0.02  # seconds: seldom enough to be no load itself
# What a Wait is of: a look-up, or a write of one of the two releases.
READ, OLD, NEW = "read", "old", "new"
NEW_USER = sa.table("user", *map(sa.column, ("name", "name_key", "handle")))
SPAWN = multiprocessing.get_context("spawn")

Acts = list[tuple[str, Callable[[], object]]]
Note = tuple[str, float, float, str]  # a Wait while it is counted: nothing to collect in these


@dataclass
class Wait:
    """One statement or verb: when it began, how long it took, what it failed with."""

    kind: str
    began: float
    seconds: float
    error: str = ""


@dataclass
class Window:
    """What people met between two moments."""

    waits: list[Wait] = field(default_factory=list)

    def longest(self, *kinds: str) -> float:
        return 1000 * max((each.seconds for each in self.waits if each.kind in kinds), default=0)

    def ninety_nine(self, *kinds: str) -> float:
        found = sorted(each.seconds for each in self.waits if each.kind in kinds)
        return 1000 * found[int(len(found) * 0.99)] if found else 0

    def done(self, *kinds: str) -> int:
        return sum(each.kind in kinds for each in self.waits)

    def failed(self, *kinds: str) -> list[str]:
        return [each.error for each in self.waits if each.kind in kinds and each.error]


@atomic
def register(number: int, *, is_new: bool) -> None:
    """Sign somebody up: the release before knows no handle, the new one writes it."""
    name = f"new{number}"
    if is_new:
        values = {"name": name, "name_key": name, "handle": f"@{name}"}
        db.session.execute(sa.insert(NEW_USER).values(values))
    else:
        db.session.add(User(name=name, name_key=name))


@atomic
def rename(number: int) -> None:
    change = sa.update(User).where(User.id == number).values(display_name=f"Person {number}")
    db.session.execute(change.execution_options(synchronize_session=False))


def log_in(number: int) -> str:
    user = db.session.get_one(User, number)
    by, verified = Actor.operator(), user.password_hash
    return sessions.start(user, verified=verified, by=by, remembered=False, user_agent="").secret


class Traffic:
    """Four workers in processes of their own, from `with` to the end of it."""

    def __init__(self, url: str, rows: int) -> None:
        self.url, self.rows = url, rows
        self.waits: list[Wait] = []
        self.pipes: list[Any] = []
        self.over = SPAWN.Event()
        self.rolled_out, self.retired = SPAWN.Event(), SPAWN.Event()

    def __enter__(self) -> Self:
        pipes = []
        for work in (reader, writer, sleeper, syncer):
            ours, theirs = SPAWN.Pipe(duplex=False)
            process = SPAWN.Process(target=work, args=(self, theirs))
            process.start()
            pipes.append((process, ours))
        for _, pipe in pipes:
            pipe.recv()  # it is warm
        self.pipes = pipes
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for process, pipe in self.pipes:
            self.waits += [Wait(*note) for note in pipe.recv()]
            process.join()

    def between(self, began: float, ended: float) -> Window:
        """Return what was under way at any moment of this stretch of time."""
        return Window([w for w in self.waits if w.began < ended and w.began + w.seconds > began])


def site(url: str) -> Flask:
    return create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})


def loop(traffic: Traffic, pipe: Any, turn: Callable[[], Acts]) -> None:
    notes: list[Note] = []
    for _, act in turn() + turn() + turn():
        act()
    gc.collect()
    gc.freeze()
    pipe.send("warm")
    while not traffic.over.wait(EVERY) and is_watched():
        for kind, act in turn():
            began, failed = time.monotonic(), ""
            try:
                act()
            except Exception as error:  # whatever it is, the person got no answer
                failed = f"{type(error).__name__}: {str(error)[:120]}"
                db.session.rollback()
            notes.append((kind, began, time.monotonic() - began, failed))
            db.session.remove()
    pipe.send(notes)


def is_watched() -> bool:
    """Whether the bench is there still: one that was killed would leave us at work for ever."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()


def reader(traffic: Traffic, pipe: Any) -> None:
    def look_up() -> None:
        authentication.find(f"person{random.randint(1, traffic.rows)}")

    with site(traffic.url).app_context():
        secret = log_in(1)
        acts: Acts = [(READ, look_up), (READ, partial(sessions.resume, secret))]
        loop(traffic, pipe, lambda: acts)


def writer(traffic: Traffic, pipe: Any) -> None:
    numbers = count(random.randint(10**6, 10**9))

    def turn() -> Acts:
        number = next(numbers)
        is_new = traffic.retired.is_set() or (traffic.rolled_out.is_set() and number % 2 == 0)
        kind = NEW if is_new else OLD
        sign_up = partial(register, number, is_new=is_new)
        return [(kind, sign_up), (kind, partial(rename, random.randint(1, traffic.rows)))]

    with site(traffic.url).app_context():
        loop(traffic, pipe, turn)


def sleeper(traffic: Traffic, pipe: Any) -> None:
    notes: list[Note] = []
    pipe.send("warm")
    while not traffic.over.is_set() and is_watched():
        began = time.monotonic()
        time.sleep(EVERY)
        notes.append(("sleep", began, time.monotonic() - began - EVERY, ""))
    pipe.send(notes)


def syncer(traffic: Traffic, pipe: Any) -> None:
    notes: list[Note] = []
    with tempfile.TemporaryFile() as file:
        pipe.send("warm")
        while not traffic.over.wait(SYNC_EVERY) and is_watched():
            began = time.monotonic()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            notes.append(("disk", began, time.monotonic() - began, ""))
    pipe.send(notes)
