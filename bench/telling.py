"""Whether a form tells by its time who is known here.

Known and unknown take turns in one process, in a random order within each pair, so that what else
the machine does falls on both alike. What counts is the difference within a pair: its median, and
between which values it lies with a confidence of 95 % (by order statistics: no distribution is
assumed). The time of the processor is measured beside that of the clock. The site is configured as
in production and called without its server, whose sockets and threads would only add noise.
"""

import io
import itertools
import math
import os
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flask import Flask

import config
from app import create_app
from app.accounts import crowd
from app.db import db
from bench import site
from bench.client import addresses

PAIRS = int(os.environ.get("PAIRS", "40"))
WARM_UP = 3  # pairs
ADDRESS = "https://localhost"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


class Took(NamedTuple):
    wall: float  # milliseconds
    cpu: float


class Stranger:
    """Somebody with a token and a cookie, who forgets what each answer would have them keep."""

    def __init__(self, app: Any) -> None:
        self.log = io.StringIO()  # a line for each request, as anywhere
        self.client, self.ips = app.test_client(use_cookies=False), addresses()
        answer = self.client.get("/login", base_url=ADDRESS, errors_stream=self.log)
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self.token = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)[1]  # type: ignore[index]

    def send(self, path: str, answers: dict[str, str]) -> Took:
        headers = {"Cookie": self.cookie, "X-Forwarded-For": next(self.ips)} | SAME_SITE
        form = {"csrf_token": self.token, **answers}
        wall, cpu = time.perf_counter(), time.thread_time()
        answer = self.client.post(
            path, base_url=ADDRESS, data=form, headers=headers, errors_stream=self.log
        )
        took = Took((time.perf_counter() - wall) * 1000, (time.thread_time() - cpu) * 1000)
        assert answer.status_code in (200, 303, 422), answer.status
        return took


def forms(known: Iterator[Any], new: Iterator[str]) -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return each form, and what is typed into it by, or about, somebody who is known or not."""

    def name(is_known: bool) -> str:
        return next(known)[0] if is_known else next(new)

    def address(is_known: bool) -> str:
        return next(known)[2] if is_known else f"{next(new)}@example.org"

    wrong, right = {"password": "wrong"}, {"password": crowd.PASSWORD}
    return {
        "log in, by name": ("/login", lambda it: {"identifier": name(it), **wrong}),
        "log in, by address": ("/login", lambda it: {"identifier": address(it), **wrong}),
        "register": ("/register", lambda it: {"name": next(new), "email": address(it), **right}),
        "forgotten": ("/password/forgotten", lambda it: {"email": address(it)}),
    }


def as_served(url: str) -> Flask:
    settings = config.load(site.production(url, 443))
    return create_app({**settings, "TEMPLATES_AUTO_RELOAD": False})


def measure(url: str, size: int, table: Callable[..., None], line: Callable[..., str]) -> None:
    columns = [
        "form",
        "known ms",
        "unknown ms",
        "apart",
        "95 % from",
        "to",
        "CPU apart",
        "from",
        "to",
    ]
    table(f"Known or not ({PAIRS} pairs each)", columns)
    app = as_served(url)
    people = [person for person in crowd.people(2, min(size - 2, 5000), "") if person[-1] is None]
    new = (f"nobody{number}x{time.time_ns()}" for number in itertools.count())
    stranger = Stranger(app)
    with_address = itertools.cycle([person for person in people if person[2]])
    for form, (path, typed) in forms(with_address, new).items():
        pairs = [pair(stranger, path, typed) for _ in range(WARM_UP + PAIRS)][WARM_UP:]
        known, unknown = zip(*pairs, strict=True)
        cells = [
            f"{statistics.median(took.wall for took in side):.2f}" for side in (known, unknown)
        ]
        for what in ("wall", "cpu"):
            apart = [getattr(one, what) - getattr(other, what) for one, other in pairs]
            cells += [f"{value:+.2f}" for value in (statistics.median(apart), *interval(apart))]
        print(line([form, *cells]), flush=True)
    with app.app_context():
        db.engine.dispose()


def pair(stranger: Stranger, path: str, typed: Callable[..., Any]) -> tuple[Took, Took]:
    took: dict[bool, Took] = {}
    for is_known in random.sample((True, False), 2):
        took[is_known] = stranger.send(path, typed(is_known))
    return took[True], took[False]


def interval(values: list[float]) -> tuple[float, float]:
    """Return between what the median lies, with a confidence of 95 %."""
    ordered, reach = sorted(values), 0.98 * math.sqrt(len(values))
    first = max(0, math.floor(len(values) / 2 - reach))
    return ordered[first], ordered[len(values) - 1 - first]
