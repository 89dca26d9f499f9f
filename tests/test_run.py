"""`python run.py`: the site for development, with a worker beside it that goes when it goes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from config import ROOT
from tests.post_office import free_port, until


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def site(tmp_path: Path, output: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/site.db", "PORT": str(port)}
    with output.open("wb") as file:
        site = subprocess.Popen(
            [sys.executable, "run.py"],
            env=os.environ | settings,
            cwd=ROOT,
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
