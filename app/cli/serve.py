"""flask serve: the site on the network, by the production server, in the place of this process."""

import os
import sys
import tempfile

import click
from flask import current_app

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
    if current_app.config["METRICS_TOKEN"]:
        # Before the processes begin: each looks for it when it loads the library.
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="gatehouse-"))
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": port or current_app.config["PORT"],
        "--workers": workers or len(os.sched_getaffinity(0)),
        "--blocking-threads": THREADS,
        "--workers-kill-timeout": PATIENCE,
    }
    words = [str(word) for option in options.items() for word in option]
    os.environ.update(ALLOCATOR | os.environ)
    # By exec: what supervises this process supervises the server, signals and all.
    command = [sys.executable, "-m", "granian", "--respawn-failed-workers", *words, "run:app"]
    os.execv(sys.executable, command)  # noqa: S606
