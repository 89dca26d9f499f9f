"""Run it all and print the table: `python -m bench.migrations --rows 1000000`."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.migrations import proofs
from bench.migrations.databases import Database, naive, staged
from bench.migrations.traffic import EVERY, NEW, OLD, READ, Traffic, Window
from tests.services import ENGINES, scratch_database

# Seconds of the same traffic before, which is about as long as a backfill takes, and after.
BEFORE, AFTER = 60.0, 3.0
# As a site that is served goes: see docs/changing-the-schema.md.
ONLINE = ("expand", "backfill", "sweep", "contract")
HEADER = (
    f"{'database':<11}{'mode':<8}{'step':<10}{'s':>8}{'read ms':>9}{'p99':>7}"
    f"{'write ms':>10}{'p99':>7}{'sleep ms':>10}{'disk ms':>9}{'old wrote':>11}{'failed':>8}"
    f"{'new wrote':>11}{'failed':>8}"
)
LEGEND = """
`old` is the release before, which also reads all the time: what failed of its reads is counted
with its writes. The new release writes from the end of the expand on, beside it; the old one ends
before the sweep, which fills what it wrote behind the backfill. `sleep ms` and `disk ms` are what
the machine itself kept somebody waiting who asked no database: who slept, and who synced 8 kB of
their own to the disk. `before` is the same traffic with no change, for about as long: what it
waited is no matter of the change.
"""


def main() -> None:
    options = parsed()
    print(HEADER)
    for engine in options.engines:
        for mode in ("staged", "naive"):
            for line in measured(engine, mode, options.rows):
                print(line, flush=True)
    print(LEGEND)
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
        windows: dict[str, tuple[float, float]] = {}
        failure = ""
        commands = steps_of(mode, database, Path(folder))
        with Traffic(url, rows) as traffic:
            if mode == "staged":
                windows["before"] = stretch(BEFORE)
            for step, arguments in commands.items():
                if step == "sweep":
                    traffic.retired.set()
                    time.sleep(EVERY * 10)  # what it was about to write
                began = time.monotonic()
                failure = database.flask(*arguments) or failure
                windows[step] = began, time.monotonic()
                if step == "expand":
                    traffic.rolled_out.set()
            windows["after"] = stretch(AFTER)
        for step, (began, ended) in windows.items():
            yield line(engine, mode, step, ended - began, traffic.between(began, ended))
        if failure:
            last = failure.strip().splitlines()[-1]
            yield f"{engine:<11}{mode:<8}a command failed: {last[:120]}"


def steps_of(mode: str, database: Database, folder: Path) -> dict[str, list[str]]:
    """Return the commands of this way to go, by the name of the step."""
    if mode == "naive":
        return {"all": ["upgrade", "-d", naive(folder, database)]}
    directory = staged(folder)
    return {step: [step.replace("sweep", "backfill"), "-d", directory] for step in ONLINE}


def stretch(seconds: float) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def line(engine: str, mode: str, step: str, seconds: float, window: Window) -> str:
    old, new = window.failed(READ, OLD), window.failed(NEW)
    first = f"  {(old or new)[0][:100]}" if old or new else ""
    return (
        f"{engine:<11}{mode:<8}{step:<10}{seconds:>8.1f}{window.longest(READ):>9.1f}"
        f"{window.ninety_nine(READ):>7.1f}{window.longest(OLD, NEW):>10.1f}"
        f"{window.ninety_nine(OLD, NEW):>7.1f}{window.longest('sleep'):>10.1f}"
        f"{window.longest('disk'):>9.1f}"
        f"{window.done(OLD):>11}{len(old):>8}{window.done(NEW):>11}{len(new):>8}{first}"
    )


if __name__ == "__main__":
    main()
