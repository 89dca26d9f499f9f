"""The site, or the bare view, under granian; and what its processes have used."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.cli import serve
from config import database_url

ROOT = Path(__file__).parent.parent
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def database(engine: str) -> Iterator[str]:
    """Yield the address of a scratch database, and drop it afterwards."""
    name = f"gatehouse_bench_{secrets.token_hex(4)}"
    if engine == "sqlite":
        folder = tempfile.mkdtemp(prefix=name)
        try:
            yield f"sqlite:///{folder}/bench.db"
        finally:
            shutil.rmtree(folder)
        return
    if engine != "postgresql":
        raise SystemExit(f"ENGINES are sqlite and postgresql, not {engine}.")
    server = sa.make_url(database_url(POSTGRES))
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def environment(url: str, port: int = 5000, **more: str) -> dict[str, str]:
    # One proxy is declared, so that each made-up visitor has an address, and limits, of their own.
    settings = {"DATABASE_URL": url, "PORT": str(port), "PROXIES": "1", "SECRET_KEY": "b" * 64}
    return {**os.environ, **settings, **more}


def production(url: str, port: int, **more: str) -> dict[str, str]:
    settings = {
        "GATEHOUSE_ENV": "production",
        "PUBLIC_URL": "https://localhost",
        "MAIL_SERVER": "127.0.0.1",  # no worker runs: nothing is sent
    }
    return environment(url, port, **settings, **more)


def flask(url: str, *words: str, text: str = "", **more: str) -> str:
    """Run a command of the site on this database, and return what it said."""
    command = [sys.executable, "-m", "flask", "--app", "run", *words]
    env = environment(url, **more)
    done = subprocess.run(
        command, cwd=ROOT, env=env, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


@contextmanager
def served(target: str, env: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve `target` with one worker of granian until the end of the block."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "4", "--log-level", "error", target]
    quiet = subprocess.DEVNULL  # a line for each request
    env = {**serve.ALLOCATOR, **env}  # as `flask serve` does, for the bare view too
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet)
    try:
        wait_for(port)
        yield server
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server does not come up")


def family(pid: int) -> list[int]:
    """Return the process and everything that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = children.read_text().split() if children.exists() else []
    return [pid, *(one for child in below for one in family(int(child)))]


def cpu(server: subprocess.Popen[bytes]) -> float:
    """Return how many seconds of a core the server has used so far."""
    total = 0
    for pid in family(server.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(server: subprocess.Popen[bytes]) -> str:
    """Return what the largest of its processes, which is the worker, holds.

    What is its own is what one worker more costs; libraries on disk are shared by all.
    """
    held = []
    for pid in family(server.pid):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        kib = {name: int(value.split()[0]) for name, _, value in (x.partition(":") for x in lines)}
        held.append((kib["Rss"], kib["Private_Dirty"] + kib["Private_Clean"]))
    resident, own = max(held)
    return f"{resident / 1024:.0f} MiB, {own / 1024:.0f} of them its own"
