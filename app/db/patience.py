"""How long anybody waits for a database that is silent: a page not for long, over all it asks.

The drivers know limits for a statement at most, and the server's own limits help only while it
answers. So the connections measure what a request has waited, and give up once that is too much.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from flask import g, has_request_context
from sqlalchemy import event

# Seconds. A page answers within five, whatever the database does.
PAGE = 3.0  # of all statements of a request together
CONNECT = 2
POOL = 1  # until one of the connections that are open is free
STATEMENT = 60  # of a job or a command, which nobody waits for
LOCK = 3  # for a row that somebody else has; a transaction left idle is ended after ten

# What a connection to PostgreSQL writes goes on to the disk after so much. Left to the kernel, what
# a backfill changed was synced at a checkpoint, 550 MB at once, and every commit waited for that.
FLUSHED = "256kB"

# What the server gives up by itself, so that nothing is left over there of whoever gave up here.
POSTGRESQL = (
    f"-c lock_timeout={LOCK}s -c statement_timeout={STATEMENT}s"
    " -c idle_in_transaction_session_timeout=10s"
    f" -c backend_flush_after={FLUSHED}"
)
MARIADB = (
    f"SET SESSION innodb_lock_wait_timeout = {LOCK}, max_statement_time = {STATEMENT},"
    " idle_transaction_timeout = 10"
)
SILENT = "the database has been silent for too long"
AGAIN = 1.0  # seconds until one that was silent for a page is waited for by another


class Silence:
    """That a database says nothing, as one page found out: the next need not find out again.

    Each would hold a thread for seconds, and those behind it would wait for all of them. Only who
    cannot connect knows it: a statement that takes too long may wait for somebody's lock.
    """

    until = 0.0

    def note(self) -> None:
        self.until = time.monotonic() + AGAIN

    def is_known(self) -> bool:
        return has_request_context() and time.monotonic() < self.until


def left() -> float:
    """Return how many seconds the next message may take: what is left of the request's."""
    return PAGE - waited() if has_request_context() else STATEMENT


def waited() -> float:
    """Return how many seconds the request has waited, and still waits."""
    if not has_request_context():
        return 0.0
    now = time.monotonic()
    return g.get("waited", 0.0) + now - g.get("waiting_since", now)


@contextmanager
def waiting() -> Iterator[None]:
    """Note how long the block takes; of two inside each other the outer one counts."""
    if not has_request_context() or "waiting_since" in g:
        yield
        return
    g.waiting_since = time.monotonic()
    try:
        yield
    finally:
        g.waited = waited()
        del g.waiting_since


def limit(engine: sa.Engine) -> None:
    """Have the connections of this engine give up in time; SQLite's wait only for each other."""
    match engine.dialect.name:
        case "postgresql":
            event.listen(engine, "do_connect", connecting(of_postgresql, to_postgresql))
        case "mariadb":
            event.listen(engine, "do_connect", connecting(of_mariadb, to_mariadb))


def connecting(kind: Callable[[Any], Any], prepare: Callable[..., Any]) -> Callable[..., Any]:
    """Return a listener that opens connections of this kind, as long as there is time for it."""
    kinds: dict[Any, Any] = {}
    silence = Silence()

    def connect(dialect: Any, record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        driver = dialect.loaded_dbapi
        if left() <= 0 or silence.is_known():
            raise driver.OperationalError(SILENT)
        if driver not in kinds:
            kinds[driver] = kind(driver)
        began = time.monotonic()
        try:
            with waiting():
                return prepare(kinds[driver], cargs, cparams)
        except driver.OperationalError:
            if time.monotonic() - began > 1:  # nobody refused: nobody said a word
                silence.note()
            raise

    return connect


def to_postgresql(kind: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
    options = f"{POSTGRESQL} {cparams.get('options', '')}".strip()
    return kind.connect(*cargs, **{"connect_timeout": CONNECT, **cparams, "options": options})


def to_mariadb(kind: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
    most = min(CONNECT, left())
    times = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), most)
    return kind(*cargs, **{**times, "init_command": MARIADB, **cparams})


def of_postgresql(psycopg: Any) -> Any:
    class Patient(psycopg.Connection):
        @classmethod
        def _connect_gen(cls, conninfo: str = "") -> Any:
            # The driver's own limit is two seconds at least, for each address of the host anew; but
            # it looks up ten times a second.
            steps, ready = super()._connect_gen(conninfo), None
            try:
                while left() > 0:
                    ready = yield steps.send(ready)
            except StopIteration as made:
                return made.value
            raise psycopg.OperationalError(SILENT)

        def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
            if (most := left()) > 0:
                with waiting(), suppress(psycopg.errors._WaitTimeout):
                    return super().wait(gen, *args, **{"timeout": most, **kwargs})
            self.close()  # an answer may still come; nobody must take it for another's
            raise psycopg.OperationalError(SILENT)

    return Patient


def of_mariadb(pymysql: Any) -> Any:
    class Patient(pymysql.connections.Connection):
        connected_by: float | None = None  # while it connects: the moment at which it gives up

        def connect(self, sock: Any = None) -> None:
            self.connected_by = time.monotonic() + left()
            super().connect(sock)
            self.connected_by = None

        def _read_packet(self, *args: Any) -> Any:
            # Each of the handshake's is waited for; of a result, the driver waits for the first.
            if self.connected_by is None:
                return super()._read_packet(*args)
            return self.in_time(super()._read_packet, *args)

        def _read_query_result(self, unbuffered: bool = False) -> Any:
            return self.in_time(super()._read_query_result, unbuffered)

        def _read_ok_packet(self) -> Any:
            return self.in_time(super()._read_ok_packet)

        def in_time(self, read: Callable[..., Any], *args: Any) -> Any:
            if (most := self.left()) <= 0:
                self._force_close()
                raise pymysql.OperationalError(2013, SILENT)
            self._read_timeout = most
            with waiting():
                return read(*args)

        def left(self) -> float:
            if self.connected_by is None:
                return left()
            return min(CONNECT, self.connected_by - time.monotonic())

    return Patient
