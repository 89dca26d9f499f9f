"""flask serve, and the same site under another server: TERM lets requests in flight finish."""

import http.cookiejar
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from config import ROOT
from tests.post_office import free_port, until
from tests.processes import Command

SERVERS = {
    "granian": ["-m", "flask", "serve", "--workers", "2", "--port", "{port}"],
    "gunicorn": ["-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "run:app"],
}


class Site:
    def __init__(self, kind: str, path: Path) -> None:
        self.port, self.log, self.path = free_port(), path.with_name("log"), path
        words = [word.format(port=self.port) for word in SERVERS[kind]]
        settings = {"DATABASE_URL": f"sqlite:///{path}", "PORT": str(self.port)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                env=os.environ | settings,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def ask(self, path: str, **answers: str) -> tuple[int, str]:
        data = urllib.parse.urlencode(answers).encode() if answers else None
        address = f"http://localhost:{self.port}{path}"
        try:
            with self.opener.open(address, data, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_up(self) -> bool:
        with suppress(OSError):
            return self.ask("/up")[0] == 200
        return False


@pytest.fixture(params=SERVERS)
def site(
    request: pytest.FixtureRequest, head_of: Callable[[str], str], tmp_path: Path
) -> Iterator[Site]:
    path = tmp_path / "site.db"
    shutil.copy(str(sa.make_url(head_of("sqlite")).database), path)
    with serving(request.param, path) as site:
        yield site


@contextmanager
def serving(kind: str, path: Path) -> Iterator[Site]:
    site = Site(kind, path)
    try:
        until(site.is_up, "it serves")
        yield site
    finally:
        with suppress(ProcessLookupError):
            site.process.terminate()
        site.process.wait(40)


def test_a_request_in_flight_is_answered(site: Site) -> None:
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', site.ask("/login")[1])[1]
    answered: list[tuple[int, str]] = []

    def log_in() -> None:
        answered.append(
            site.ask("/login", csrf_token=token, identifier="nobody", password="x" * 20)
        )

    with closing(sqlite3.connect(site.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that the log-in, which writes, has to wait
        waiting = threading.Thread(target=log_in)
        waiting.start()
        waiting.join(1)
        assert not answered
        site.process.send_signal(signal.SIGTERM)
        waiting.join(0.5)
        other.execute("ROLLBACK")
    waiting.join(20)

    assert answered
    assert answered[0][0] == 422
    assert site.process.wait(30) == 0
    assert not site.is_up()
    assert "Traceback" not in site.log.read_text()


@pytest.mark.parametrize("shares", [False, True], ids=["alone", "as granian does"])
def test_a_port_that_somebody_has_is_refused_in_a_sentence(shares: bool, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/site.db"}
        command = Command("serve", "--port", port, cwd=ROOT, env=env)

        assert command.wait() == 1
    assert f"Port {port} of 127.0.0.1" in command.stderr and "ss -ltnp" in command.stderr
    assert "Traceback" not in command.stderr


def test_a_database_that_is_not_upgraded_is_told_at_the_start(tmp_path: Path) -> None:
    with serving("granian", tmp_path / "site.db") as site:
        assert site.ask("/up/ready")[0] == 503
        # granian waits long for a process that is told to end before it has begun.
        until(lambda: site.log.read_text().count("Started worker") == 2, "both have begun")

    assert re.search(r"Not ready yet: .*flask db upgrade", site.log.read_text())
