"""Run it all and print the table: `python -m bench.migrations --rows 1000000`."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.migrations import proofs
from bench.migrations.databases import STEPS, Database, naive, staged
from bench.migrations.traffic import Traffic, Window
from tests.services import ENGINES, scratch_database

# Seconds of the same traffic before, and after.
BEFORE, AFTER = 10.0, 3.0
HEADER = (
    f"{'database':<11}{'mode':<8}{'step':<10}{'s':>8}{'read ms':>9}{'p99':>7}"
    f"{'write ms':>10}{'p99':>7}{'sleep ms':>10}{'failed':>8}"
)


def main() -> None:
    options = parsed()
    print(HEADER)
    for engine in options.engines:
        for mode in ("staged", "naive"):
            for line in measured(engine, mode, options.rows):
                print(line, flush=True)
    for engine in [] if options.no_proofs else options.engines:
        for line in proofs.all_of_them(engine, options.rounds, options.people):
            print(line, flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.migrations", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="people in the table")
    parser.add_argument("--rounds", type=int, default=20, help="of kill -9, and of two at once")
    parser.add_argument("--people", type=int, default=20_000, help="with plain-text passwords")
    parser.add_argument("--no-proofs", action="store_true", help="measure waits alone")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    return parser.parse_args()


def measured(engine: str, mode: str, rows: int) -> Iterator[str]:
    """Change the schema under live traffic; yield a line for each step."""
    with scratch_database(engine) as url, tempfile.TemporaryDirectory() as folder:
        database = Database(url)
        database.fill(rows)
        if mode == "staged":
            directory, steps = staged(Path(folder)), dict(STEPS)
        else:
            directory, steps = naive(Path(folder), database), {"head": "all"}
        windows: dict[str, tuple[float, float]] = {}
        failure = ""
        with Traffic(url, rows) as traffic:
            windows["before"] = stretch(BEFORE)
            for revision, step in steps.items():
                began = time.monotonic()
                failure = database.flask("upgrade", "-d", directory, revision) or failure
                windows[step] = began, time.monotonic()
                if step == "expand":
                    traffic.rolled_out.set()  # the new release is there, and writes the column
            windows["after"] = stretch(AFTER)
        for step, (began, ended) in windows.items():
            yield line(engine, mode, step, ended - began, traffic.between(began, ended))
        if failure:
            last = failure.strip().splitlines()[-1]
            yield f"{engine:<11}{mode:<8}the upgrade itself failed: {last[:120]}"


def stretch(seconds: float) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def line(engine: str, mode: str, step: str, seconds: float, window: Window) -> str:
    failed = window.failed
    first = f"  {failed[0][:100]}" if failed else ""
    return (
        f"{engine:<11}{mode:<8}{step:<10}{seconds:>8.1f}{window.longest('read'):>9.1f}"
        f"{window.ninety_nine('read'):>7.1f}{window.longest('write'):>10.1f}"
        f"{window.ninety_nine('write'):>7.1f}{window.longest('sleep'):>10.1f}{len(failed):>8}{first}"
    )


if __name__ == "__main__":
    main()
