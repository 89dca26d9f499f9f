"""`flask …` as a process of its own, without what it costs to start one.

Most of a short command goes into importing Flask, SQLAlchemy, Alembic and the site. Here one
process imports them, once, and each command is a fork of it; one of another folder imports its own.
"""

import multiprocessing
import os
import pty
import signal
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import flask.cli

from config import ROOT

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "alembic.autogenerate",
        "app.cli.schema",
        "app.cli.worker",
        "argon2",
        "cryptography.fernet",
        "email_validator",
        "flask.cli",
        "flask_babel",
        "flask_login",
        "flask_migrate",
        "flask_wtf",
        "sqlalchemy.dialects.mysql",
        "sqlalchemy.dialects.postgresql",
        "tqdm",
        "ua_parser",
        "zxcvbn",
    ]
)
WRITE = os.O_WRONLY | os.O_CREAT


class Command:
    """`flask …`, under way; what it says goes to files, or to the terminal that is given."""

    def __init__(
        self, *arguments: str, cwd: Path, env: Mapping[str, str], terminal: int | None = None
    ) -> None:
        self.folder = TemporaryDirectory(prefix="gatehouse_test_command")
        self.out, self.err = Path(self.folder.name, "out"), Path(self.folder.name, "err")
        if terminal is None:
            files = (os.devnull, os.O_RDONLY), (self.out, WRITE), (self.err, WRITE)
            opened = [os.open(*file) for file in files]
        else:
            opened = [os.dup(terminal) for _ in range(3)]
        ends = [Connection(end) for end in opened]  # which is how a file finds its way to a fork
        self.process = FORKS.Process(target=become_flask, args=(arguments, cwd, dict(env), ends))
        self.process.start()
        for end in ends:
            end.close()

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    @property
    def stdout(self) -> str:
        return self.out.read_text()

    @property
    def stderr(self) -> str:
        return self.err.read_text()

    def send(self, number: signal.Signals) -> None:
        if self.process.is_alive() and self.pid:
            os.kill(self.pid, number)

    def wait(self, timeout: float = 60) -> int:
        """Return its exit code once it has ended; end it if that takes too long."""
        self.process.join(timeout)
        if self.returncode is None:
            self.process.kill()
            raise TimeoutError(f"flask still ran after {timeout} seconds")
        return self.returncode


def become_flask(
    arguments: tuple[str, ...], cwd: Path, env: dict[str, str], ends: list[Connection]
) -> None:
    """Be what `python -m flask …` is, in this folder and with this environment."""
    os.chdir(cwd)
    if cwd != ROOT:
        forget_the_site()
    os.environ.clear()
    os.environ.update(env)
    sys.path[:] = [str(cwd), *(path for path in sys.path if not Path(path, "app").is_dir())]
    for number, end in enumerate(ends):
        os.dup2(end.fileno(), number)
    for end in ends:
        end.close()
    # Alembic has kept the stream of its first import: it stays the one that is flushed at the end.
    sys.stdin = os.fdopen(0)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    sys.argv = ["flask", *arguments]
    flask.cli.main()


def forget_the_site() -> None:
    """Let the next import find the site of this folder: somebody may have edited that."""
    for name in [name for name in sys.modules if name.partition(".")[0] in {"app", "config"}]:
        del sys.modules[name]


def answered(answer: str, *arguments: str, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run `flask …` on a terminal, answer what it asks; return its exit code and what it said."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))  # which a terminal that somebody sits at has
    command = Command(*arguments, cwd=cwd, env=env, terminal=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    with suppress(OSError):  # how a terminal says that the other end hung up
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    return command.wait(), said.decode()
