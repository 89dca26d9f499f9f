"""flask serve: the site on the network, by the production server, in the place of this process."""

import os
import socket
import sys
import tempfile

import click
from flask import current_app

from app.revisions import readiness

THREADS = 4  # of a process: while one waits for the database or hashes, the others answer
ALLOCATOR = {
    # One pool of memory for all threads: with one each, every thread keeps what a hash once took.
    "MALLOC_ARENA_MAX": "1",
    # In large pages where the kernel has them: what a hash takes comes back in ten, not in 4,864.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
PATIENCE = "30s"  # how long requests in flight have to finish once it is told to end


@click.command(short_help="Serve the site, with a process for each core.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port; PORT otherwise.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    envvar="WEB_CONCURRENCY",
    help="Processes; WEB_CONCURRENCY otherwise, and one for each core without either.",
)
def serve(host: str, port: int | None, workers: int | None) -> None:
    """Serve the site with granian until TERM, which lets requests in flight finish.

    Whatever else serves WSGI can serve run:app as well: gunicorn --workers 2 run:app
    """
    port = port or current_app.config["PORT"]
    refuse_unless_free(host, port)
    warn_unless_ready()
    if current_app.config["METRICS_TOKEN"]:
        # Before the processes begin: each looks for it when it loads the library.
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="gatehouse-"))
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": port,
        "--workers": workers or len(os.sched_getaffinity(0)),
        "--blocking-threads": THREADS,
        "--workers-kill-timeout": PATIENCE,
    }
    words = [str(word) for option in options.items() for word in option]
    os.environ.update(ALLOCATOR | os.environ)
    # By exec: what supervises this process supervises the server, signals and all.
    command = [sys.executable, "-m", "granian", "--respawn-failed-workers", *words, "run:app"]
    os.execv(sys.executable, command)  # noqa: S606


def refuse_unless_free(host: str, port: int) -> None:
    """End with a sentence where nobody can listen, or somebody does.

    granian shares a port with another granian: people would meet two releases by turns.
    """
    try:
        family, kind, *_, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as after a restart
            listener.bind(where)
            listener.listen()
    except OSError as error:
        raise click.ClickException(
            f"Port {port} of {host} cannot be listened on ({error.strerror}): end what has it "
            f"(ss -ltnp 'sport = {port}' names it), or choose another address (--host) or --port."
        ) from error


def warn_unless_ready() -> None:
    """Say what is missing, and go on: a database that comes later, or is upgraded, is found."""
    # As a page would: it does not wait for long.
    with current_app.test_request_context():
        if reason := readiness.not_ready():
            words = f"Not ready yet: {reason}. It serves all the same; flask doctor says more."
            click.echo(words, err=True)
