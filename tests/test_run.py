"""`python run.py`: the site for development, with a worker beside it that goes when it goes."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from app.schema import ddl
from config import ROOT
from tests.browser import Browser
from tests.conftest import site_on
from tests.post_office import free_port, until
from tests.schema.conftest import HEAD, Schema
from tests.schema.test_backfill import run_and_kill
from tests.test_people_of_0001 import LOCKED_OUT, PEOPLE


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def site(tmp_path: Path, output: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with started(f"sqlite:///{tmp_path}/site.db", output, port) as site:
        yield site


@contextmanager
def started(url: str, output: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the site on this database, with nobody at its terminal."""
    with output.open("wb") as file:
        site = subprocess.Popen(
            [sys.executable, "run.py"],
            env=os.environ | {"DATABASE_URL": url, "PORT": str(port)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            # Whoever runs the tests in the background of a shell has it ignored, and so would we.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
    try:
        yield site
    finally:
        site.kill()
        site.wait()


def worker_of(output: Path) -> int:
    """Return the process id of the worker, once it has said that it works."""
    started = re.compile(r"^worker (\d+) started$", re.MULTILINE)
    until(lambda: started.search(output.read_text()), "a worker started")
    return int(started.search(output.read_text())[1])


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"


def ctrl_c(site: subprocess.Popen[bytes]) -> None:
    os.killpg(site.pid, signal.SIGINT)  # a terminal tells the whole group


@pytest.mark.parametrize("end", [ctrl_c, subprocess.Popen.terminate, subprocess.Popen.kill])
def test_the_worker_ends_with_the_site(
    site: subprocess.Popen[bytes], output: Path, port: int, end: object
) -> None:
    worker = worker_of(output)
    until(lambda: "Running on" in output.read_text(), "it serves")
    with urlopen(f"http://127.0.0.1:{port}/up") as answer:
        assert answer.read() == b"up\n"

    end(site)
    site.wait(10)

    until(lambda: is_gone(worker), "the worker is gone", seconds=10)
    assert f"worker {worker} stopped" in output.read_text()
    assert "Traceback" not in output.read_text()


def kill_after(schema: Schema, operation: str) -> int | None:
    """Upgrade in a process that kill -9 ends when it has first done this operation of ddl."""

    def doomed() -> None:
        do = getattr(ddl, operation)

        def deadly(*arguments: object, **options: object) -> None:
            do(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(ddl, operation, deadly)
        schema.upgrade()

    process = multiprocessing.get_context("fork").Process(target=doomed)
    process.start()
    process.join()
    return process.exitcode


# Where a run is killed, one after the other, and where that leaves the database: in the middle of
# the step that comes next.
KILLED = [
    ("add_column", "0001"),  # an expand, on MariaDB half done
    ("a batch", "0002"),
    ("drop_column", "0003"),  # a contract, with the plain text gone on MariaDB
    ("add_column", "0004"),
    ("a batch", "0005"),
    ("create_index", "0006"),  # a contract, with its index built beside the transaction
    ("create_table", "0007"),
]


def test_a_database_of_0001_killed_in_every_stage_comes_to_head_unattended(
    database_url: str, output: Path, port: int
) -> None:
    schema = Schema(database_url)
    schema.upgrade("0001")
    schema.add_people(dict(PEOPLE + LOCKED_OUT))
    for operation, version in KILLED:
        killed = (
            run_and_kill(schema, "head", batch=2)
            if operation == "a batch"
            else kill_after(schema, operation)
        )
        assert (killed, schema.version) == (-signal.SIGKILL, version), operation

    with started(database_url, output, port):
        until(lambda: "Running on" in output.read_text(), "it serves", seconds=60)

    assert "Traceback" not in output.read_text()
    assert schema.version == HEAD
    assert "password" not in schema.columns("user")
    site = site_on(database_url)
    for number, (name, password) in enumerate(PEOPLE):
        browser = Browser(site.test_client(), ip=f"192.0.2.{number}")
        assert browser.log_in(name, password).path == "/account", name
    for number, (name, password) in enumerate(LOCKED_OUT):
        browser = Browser(site.test_client(), ip=f"198.51.100.{number}")
        assert browser.log_in(name, password or "").status == 422
