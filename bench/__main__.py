"""`make bench`: figures of this machine, as tables.

SIZES, ENGINES, SECONDS, PAIRS and ROWS in the environment say how much of it; README.md has what
each figure is. Without them it takes minutes: the aims are for a million people.
"""

import base64
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from app.accounts import crowd, hashing
from bench import mails, retention, site, telling
from bench.client import Figures, Visitor, addresses, load, request
from config import database_url

SIZES = [int(size) for size in os.environ.get("SIZES", "1000,1000000").split(",")]
ENGINES = os.environ.get("ENGINES", "sqlite,postgresql").split(",")
SECONDS = float(os.environ.get("SECONDS", "2"))
ADMIN = "root"
COLUMNS = ["journey", "a second", "median ms", "p99 ms", "CPU ms", "of limit"]


def table(title: str, columns: Sequence[str]) -> None:
    print(f"\n{title}\n" + line(columns), flush=True)


def line(cells: Sequence[object]) -> str:
    first, *rest = cells
    return f"{first!s:<34}" + "".join(f"{cell!s:>12}" for cell in rest)


def row(name: str, figures: Figures, cpu_ms: float, limit: float) -> None:
    odd = {status: n for status, n in figures.statuses.items() if status not in (200, 303)}
    cells = [f"{figures.per_second:.0f}", f"{figures.median:.2f}", f"{figures.p99:.2f}"]
    share = f"{figures.per_second / limit:.2f}" if limit else ""
    print(line([name, *cells, f"{cpu_ms:.2f}", share, odd or ""]), flush=True)


def measured(
    server: subprocess.Popen[bytes], port: int, next_request: Callable[[], bytes], lines: int = 4
) -> tuple[Figures, float]:
    load(port, next_request, SECONDS / 4, lines)
    before = site.cpu(server)
    figures = load(port, next_request, SECONDS, lines)
    count = sum(figures.statuses.values())
    return figures, (site.cpu(server) - before) * 1000 / count


def hashes() -> float:
    """Return how many passwords a second can be checked by all cores (L3).

    Measured right before and after what it is the limit of, and the larger counts: what disturbs
    one of the two is not taken for a limit.
    """
    stored, until = hashing.make(crowd.PASSWORD), time.monotonic() + SECONDS

    def run(_: int) -> int:
        count = 0
        while time.monotonic() < until:
            hashing.matches(stored, crowd.PASSWORD)
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(run, range(4))) / SECONDS


def bare() -> float:
    port = site.free_port()
    with site.served("bench.bare:app", dict(os.environ), port) as server:
        figures, cpu = measured(server, port, lambda: request(port, "/"))
        row("a bare view (L1)", figures, cpu, figures.per_second)
        print(f"  its worker holds {site.memory(server)}")
    return figures.per_second


def fill(url: str, size: int) -> None:
    site.flask(url, "db", "upgrade")
    began = time.monotonic()
    site.flask(url, "demo", str(size))
    print(f"\nflask demo {size}: {time.monotonic() - began:.1f} s")
    site.flask(url, "user", "create", ADMIN, "--admin", "--password-stdin", text=crowd.PASSWORD)
    with sa.create_engine(database_url(url)).connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def able(size: int) -> list[str]:
    """Return names of people who may log in."""
    people = crowd.people(2, min(size - 2, 5000), "")
    return [str(person[0]) for person in people if person[-1] is None]


def logged_in(port: int, name: str) -> Visitor:
    visitor = Visitor(port)
    visitor.get("/login")
    answer = visitor.post("/login", identifier=name, password=crowd.PASSWORD)
    assert answer.status == 303, answer
    visitor.get("/account")  # the first page gives the cookie its CSRF value
    return visitor


def journeys(url: str, size: int, limit: float) -> None:
    port = site.free_port()
    with site.served("run:app", site.production(url, port), port) as server:
        can = able(size)
        alice, root, stranger = logged_in(port, can[0]), logged_in(port, ADMIN), Visitor(port)
        stranger.get("/login")
        names, ips, numbers = itertools.cycle(can), addresses(), itertools.count()

        def log_in() -> bytes:
            return stranger.form(
                "/login", ip=next(ips), identifier=next(names), password=crowd.PASSWORD
            )

        def register() -> bytes:
            name = f"new{next(numbers)}x{int(time.time())}"
            answers = {"name": name, "email": f"{name}@example.com", "password": crowd.PASSWORD}
            return stranger.form("/register", ip=next(ips), **answers)

        def page(visitor: Visitor | None, path: str) -> Callable[[], bytes]:
            asked = request(port, path, cookie=visitor.cookie if visitor else "")
            return lambda: asked

        middle = root.get(f"/admin/users?sort=oldest&cursor={cursor(size // 2)}")
        assert middle.status == 200, middle.status
        pages: list[tuple[str, Callable[[], bytes]]] = [
            ("GET /login", page(None, "/login")),
            ("GET /account", page(alice, "/account")),
            ("/admin/users, page 1", page(root, "/admin/users")),
            (
                f"/admin/users, at row {size // 2}",
                page(root, f"/admin/users?sort=oldest&cursor={cursor(size // 2)}"),
            ),
            ("search by prefix", page(root, "/admin/users?q=grace+hop")),
        ]
        for name, next_request in pages:
            row(name, *measured(server, port, next_request), limit)
        print(f"  its worker holds {site.memory(server)}, after the pages and two log-ins")
        hashed(server, port, {"POST /login": log_in, "POST /register": register})
        print(f"  its worker holds {site.memory(server)}")


def hashed(
    server: subprocess.Popen[bytes], port: int, forms: dict[str, Callable[[], bytes]]
) -> None:
    """Print the forms that hash a password, between two looks at the hash alone."""
    before = hashes()
    found = {name: measured(server, port, next_request) for name, next_request in forms.items()}
    limit = max(before, after := hashes())
    for name, figures in found.items():
        row(name, *figures, limit)
    print(f"the hash alone (L3): {before:.0f} a second before, {after:.0f} after")


def cursor(after: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([True, 0, after]).encode()).decode().rstrip("=")


def cold_start(url: str) -> None:
    table("Start to first answer", ["", "seconds"])
    for name, target, path in (
        ("a bare view", "bench.bare:app", "/"),
        ("site", "run:app", "/login"),
    ):
        times = []
        for _ in range(3):
            port = site.free_port()
            began = time.monotonic()
            with site.served(target, site.production(url, port), port):
                Visitor(port).get(path)
                times.append(time.monotonic() - began)
        print(line([name, f"{statistics.median(times):.2f}"]))


def main() -> None:
    print("Figures of a machine that may be busy: compare within one run only.")
    table("Pages", COLUMNS)
    limit = bare()
    for engine, size in itertools.product(ENGINES, SIZES):
        with site.database(engine) as url:
            fill(url, size)
            table(f"{engine}, {size} people", COLUMNS)
            journeys(url, size, limit)
            telling.measure(url, size, table, line)
            if size == SIZES[0]:
                cold_start(url)
                mails.measure(url, table, line)
                retention.measure(url, table, line)


if __name__ == "__main__":
    sys.exit(main())
