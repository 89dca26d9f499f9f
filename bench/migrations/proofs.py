"""What must hold besides speed: nothing is lost, whatever happens in the middle."""

import os
import random
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher

from app.schema import state
from bench.migrations.databases import FORK, HEAD, STEPS, Database, staged
from tests.services import scratch_database

ROWS = 20_000  # people in the databases of these proofs
PEOPLE = 1000  # where only the order of things matters
HELD = 5  # seconds
# How a lock is taken, and how the engine calls whoever has it; SQLite knows processes alone.
HOLD = {
    "sqlite": ("BEGIN IMMEDIATE", None),
    "postgresql": ('SELECT COUNT(*) FROM "user"', "SELECT pg_backend_pid()"),
    "mariadb": ("SELECT COUNT(*) FROM user", "SELECT CONNECTION_ID()"),
}
CHEAP = "time_cost=1, memory_cost=1024"  # a 40th of what the site's hash costs


def all_of_them(engine: str, rounds: int, people: int) -> Iterator[str]:
    """Yield a line for each proof."""
    for proof in (killed, two_at_once, idle, passwords, children):
        with scratch_database(engine) as url, tempfile.TemporaryDirectory() as folder:
            database = Database(url)
            yield f"{engine:<11}{proof(database, Path(folder), rounds, people)}"


def killed(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Kill -9 at a random moment of every stage, run it again, see that all is there."""
    database.fill(ROWS)
    directory, wrong = staged(folder), 0
    nothing, usual = usual_times(database, directory)
    died = dict.fromkeys(STEPS.values(), 0)
    for _ in range(rounds):
        for revision, stage in STEPS.items():
            began = time.monotonic()
            command = database.start("upgrade", "-d", directory, revision)
            # An expand is over in a moment: some meet the run on its way to it.
            command.process.join(random.uniform(nothing / 2, usual[revision]))
            if command.code is not None:  # it was quicker than usual
                usual[revision] = time.monotonic() - began
            command.process.kill()
            died[stage] += command.ended().code == -signal.SIGKILL
            database.run("upgrade", "-d", directory, revision)
        wrong += not complete(database)
        undo(database, directory)
    inside = ", ".join(f"{number} in the {stage}" for stage, number in died.items())
    return f"kill -9, {rounds} rounds: died {inside}; {wrong} incomplete after a rerun"


def usual_times(database: Database, directory: str) -> tuple[float, dict[str, float]]:
    """Return how long a command takes that finds nothing to do, and how long each stage does."""
    usual = {revision: taken(database, directory, revision) for revision in STEPS}
    nothing = taken(database, directory, max(STEPS))
    undo(database, directory)
    return nothing, usual


def taken(database: Database, directory: str, revision: str) -> float:
    began = time.monotonic()
    database.run("upgrade", "-d", directory, revision)
    return time.monotonic() - began


def undo(database: Database, directory: str) -> None:
    """Go back to where the change began, also with what a downgrade keeps for the next upgrade."""
    database.run("downgrade", "-d", directory, HEAD)
    for table in sa.inspect(database.engine).get_table_names():
        if table.startswith(state.KEPT):
            database.execute(f'DROP TABLE "{table}"')


def complete(database: Database) -> bool:
    right = {"mariadb": "CONCAT('@', name)"}.get(database.dialect, "'@' || name")
    is_right = database.scalar(f'SELECT COUNT(*) FROM "user" WHERE handle = {right}')
    inspector = sa.inspect(database.engine)
    column = next(c for c in inspector.get_columns("user") if c["name"] == "handle")
    index = {i["name"]: bool(i["unique"]) for i in inspector.get_indexes("user")}
    return is_right == ROWS and not column["nullable"] and index.get("ix_user_handle", False)


def two_at_once(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Two `flask db upgrade` at the same moment."""
    database.fill(PEOPLE)
    directory, codes = staged(folder), []
    for _ in range(rounds):
        both = [database.start("upgrade", "-d", directory) for _ in range(2)]
        codes += [command.ended().code for command in both]
        undo(database, directory)
    return f"two upgrades at once, {rounds} rounds: {codes.count(0)} of {len(codes)} ended with 0"


def idle(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Somebody holds a lock and does nothing, while others read."""
    database.fill(ROWS)
    directory = staged(folder)
    with holder(database) as name, readings(database) as waits:
        command = database.start("upgrade", "-d", directory, next(iter(STEPS)))
        time.sleep(HELD)
    command.ended()
    named = re.search(rf"\b{name}\b", command.said)
    return (
        f"an idle transaction of {HELD} s: a reader waited {1000 * max(waits):.0f} ms at most, "
        f"whoever held it ({name}) was {'' if named else 'not '}named, the upgrade ended with "
        f"{command.code}"
    )


@contextmanager
def holder(database: Database) -> Iterator[str]:
    """Hold a lock in a process of its own; yield by what name the engine knows it."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=hold, args=(database, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("enough")
        process.join()


def hold(database: Database, pipe: Any) -> None:
    take, name = HOLD[database.dialect]
    with database.engine.connect() as connection:
        connection.exec_driver_sql(take)
        pipe.send(str(connection.exec_driver_sql(name).scalar() if name else os.getpid()))
        pipe.recv()


@contextmanager
def readings(database: Database) -> Iterator[list[float]]:
    over, waits = threading.Event(), [0.0]

    def read() -> None:
        query = sa.text(database.quoted('SELECT name FROM "user" WHERE id = 7'))
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            while not over.wait(0.003):
                began = time.monotonic()
                connection.execute(query).all()
                waits.append(time.monotonic() - began)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def passwords(database: Database, folder: Path, rounds: int, people: int) -> str:
    """People of the first day, whose release changes their passwords while they are hashed."""
    directory = cheaply_hashed(folder)
    database.run("upgrade", "-d", directory, "0001")
    user = sa.table("user", sa.column("id"), sa.column("name"), sa.column("password"))
    known = {number: f"password {number}" for number in range(1, people + 1)}
    with database.engine.begin() as connection:
        rows = [{"id": n, "name": f"person {n}", "password": p} for n, p in known.items()]
        connection.execute(sa.insert(user), rows)
    database.run("upgrade", "-d", directory, "0002")
    command, changes = database.start("upgrade", "-d", directory, "0003"), 0
    while command.process.is_alive():
        number = random.randint(1, people)
        known[number] = f"newer {random.random()}"
        change = sa.update(user).where(user.c.id == number).values(password=known[number])
        with database.engine.begin() as connection:
            connection.execute(change)
        changes += 1
        time.sleep(0.003)
    failed = command.ended().code
    database.run("backfill", "-d", directory)  # the release before has ended: what it left
    database.run("contract", "-d", directory)
    with database.engine.connect() as connection:
        query = sa.text(database.quoted('SELECT id, password_hash FROM "user"'))
        hashes = dict(connection.execute(query).all())
    with ThreadPoolExecutor() as pool:
        right = sum(pool.map(lambda number: opens(hashes[number], known[number]), known))
    return (
        f"{people} passwords, hashed at a 40th of the site's cost ({CHEAP}), {changes} changed "
        f"meanwhile: {people - right} wrong"
        + (f", and the backfill ended with {failed}" if failed else "")
    )


def cheaply_hashed(folder: Path) -> str:
    """Return the project's history with a hash that costs a 40th: its races are as long."""
    directory = staged(folder)
    path = next(Path(directory, "versions").glob("0003_*.py"))
    text = path.read_text()
    cheap = text.replace("time_cost=2, memory_cost=19456", CHEAP)
    if cheap == text:
        raise RuntimeError(f"{path.name} does not say what a hash costs")
    path.write_text(cheap)
    return directory


def opens(hashed: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(hashed, password)
    except Exception:  # whatever is wrong with it, it does not open the account
        return False


def children(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Rows that go with a person when they go, before and after the table was written anew."""
    database.fill(ROWS)
    database.execute(
        'CREATE TABLE post (user_id INTEGER, FOREIGN KEY (user_id) REFERENCES "user" (id) '
        "ON DELETE CASCADE)"
    )
    database.execute('INSERT INTO post SELECT id FROM "user"')
    directory = staged(folder, "patron", "patron_is_there")
    database.run("upgrade", "-d", directory, f"{int(max(STEPS)) + 1:04}")
    tightened, stood = database.scalar("SELECT COUNT(*) FROM post"), database.scalar(root(database))
    database.run("upgrade", "-d", directory)
    left, stands = database.scalar("SELECT COUNT(*) FROM post"), database.scalar(root(database))
    with database.engine.begin() as connection:
        if database.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.exec_driver_sql(database.quoted('DELETE FROM "user" WHERE id <= 10'))
    gone = left - database.scalar("SELECT COUNT(*) FROM post")
    anew = "" if stood == stands else f", which wrote the table anew (page {stood} → {stands})"
    return (
        f"ON DELETE CASCADE: {tightened} of {ROWS} rows are there after NOT NULL, {left} after a "
        f"foreign key{anew}; of 10 people who go, {gone} rows go along"
    )


def root(database: Database) -> str:
    """Return the query for where the table begins in the database, where only a rebuild moves it.

    The others add a key where the table stands.
    """
    if database.dialect == "sqlite":
        return "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'user'"
    return "SELECT 'in place'"
