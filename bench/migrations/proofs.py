"""What must hold besides speed: nothing is lost, whatever happens in the middle."""

import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from argon2 import PasswordHasher

from app.schema import state
from bench.migrations.databases import HEAD, STEPS, Database, staged
from tests.services import scratch_database

ROWS = 20_000  # people in the databases of these proofs
PEOPLE = 1000  # where only the order of things matters


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
            command.process.join(random.uniform(nothing, usual[revision]))
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
    if database.dialect == "sqlite":
        return "an idle transaction: readers never wait here, and writers have their own turn"
    database.fill(ROWS)
    directory = staged(folder)
    with database.engine.connect() as lazy, readings(database) as waits:
        lazy.execute(sa.text(database.quoted('SELECT COUNT(*) FROM "user"')))
        command = database.start("upgrade", "-d", directory, next(iter(STEPS)))
        time.sleep(5)
        lazy.rollback()
        command.ended()
    named = "has had a transaction open" in command.said
    return (
        f"an idle transaction of 5 s: a reader waited {1000 * max(waits):.0f} ms at most, the "
        f"blocker was {'' if named else 'not '}named, the upgrade ended with {command.code}"
    )


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
        f"{people} passwords hashed cheaply, {changes} changed meanwhile: {people - right} wrong"
        + (f", and the backfill ended with {failed}" if failed else "")
    )


def cheaply_hashed(folder: Path) -> str:
    """Return the project's history with a hash that costs a 40th: its races are as long."""
    directory = staged(folder)
    path = next(Path(directory, "versions").glob("0003_*.py"))
    text = path.read_text()
    cheap = text.replace("time_cost=2, memory_cost=19456", "time_cost=1, memory_cost=1024")
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
    """Rows that go with a person when they go, before and after the table was tightened."""
    database.fill(ROWS)
    database.execute(
        'CREATE TABLE post (user_id INTEGER, FOREIGN KEY (user_id) REFERENCES "user" (id) '
        "ON DELETE CASCADE)"
    )
    database.execute('INSERT INTO post SELECT id FROM "user"')
    database.run("upgrade", "-d", staged(folder))
    left = database.scalar("SELECT COUNT(*) FROM post")
    return f"ON DELETE CASCADE: {left} of {ROWS} rows are there after NOT NULL"
