"""What must hold besides speed: nothing is lost, whatever happens in the middle."""

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from argon2 import PasswordHasher

from bench.migrations.databases import HEAD, STEPS, Database, staged
from tests.services import scratch_database

ROWS = 20_000  # people in the databases of these proofs


def all_of_them(engine: str, rounds: int, people: int) -> Iterator[str]:
    """Yield a line for each proof."""
    for proof in (killed, two_at_once, idle, passwords, children):
        with scratch_database(engine) as url, tempfile.TemporaryDirectory() as folder:
            database = Database(url)
            yield f"{engine:<11}{proof(database, Path(folder), rounds, people)}"


def killed(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Kill -9 at a random moment of every stage, run it again, see that all is there."""
    database.fill(ROWS)
    directory, wrong, died = staged(folder), 0, 0
    for _ in range(rounds):
        for revision in STEPS:
            process = database.flask("upgrade", "-d", directory, revision)
            time.sleep(random.uniform(0.3, 2.0))
            died += process.poll() is None
            process.kill()
            process.communicate()
            database.run("upgrade", "-d", directory, revision)
        wrong += not complete(database)
        database.run("downgrade", "-d", directory, HEAD)
    return f"kill -9 in every stage, {rounds} rounds: {died} died, {wrong} incomplete afterwards"


def complete(database: Database) -> bool:
    right = {"mariadb": "CONCAT('@', name)"}.get(database.dialect, "'@' || name")
    is_right = database.scalar(f'SELECT COUNT(*) FROM "user" WHERE handle = {right}')
    inspector = sa.inspect(database.engine)
    column = next(c for c in inspector.get_columns("user") if c["name"] == "handle")
    index = {i["name"]: bool(i["unique"]) for i in inspector.get_indexes("user")}
    return is_right == ROWS and not column["nullable"] and index.get("ix_user_handle", False)


def two_at_once(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Two `flask db upgrade` at the same moment."""
    database.run("upgrade")
    directory, codes = staged(folder), []
    for _ in range(rounds):
        both = [database.flask("upgrade", "-d", directory) for _ in range(2)]
        codes += [process.communicate() and process.returncode for process in both]
        database.run("downgrade", "-d", directory, HEAD)
    return f"two upgrades at once, {rounds} rounds: {codes.count(0)} of {len(codes)} ended with 0"


def idle(database: Database, folder: Path, rounds: int, people: int) -> str:
    """Somebody holds a lock and does nothing, while others read."""
    if database.dialect == "sqlite":
        return "an idle transaction: readers never wait here, and writers have their own turn"
    database.fill(ROWS)
    directory = staged(folder)
    with database.engine.connect() as lazy, readings(database) as waits:
        lazy.execute(sa.text(database.quoted('SELECT COUNT(*) FROM "user"')))
        time.sleep(1.5)
        process = database.flask("upgrade", "-d", directory, next(iter(STEPS)))
        time.sleep(5)
        lazy.rollback()
        said = process.communicate()[0].decode()
    named = "has had a transaction open" in said
    return (
        f"an idle transaction of 6.5 s: a reader waited {1000 * max(waits):.0f} ms at most, the "
        f"blocker was {'' if named else 'not '}named, the upgrade ended with {process.returncode}"
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
    database.run("upgrade", "0001")
    user = sa.table("user", sa.column("id"), sa.column("name"), sa.column("password"))
    known = {number: f"password {number}" for number in range(1, people + 1)}
    with database.engine.begin() as connection:
        rows = [{"id": n, "name": f"person {n}", "password": p} for n, p in known.items()]
        connection.execute(sa.insert(user), rows)
    process = database.flask("upgrade", "0003")
    while process.poll() is None:
        number = random.randint(1, people)
        known[number] = f"newer {random.random()}"
        change = sa.update(user).where(user.c.id == number).values(password=known[number])
        with database.engine.begin() as connection:
            connection.execute(change)
        time.sleep(0.003)
    process.communicate()
    database.run("downgrade", "0002")  # the release before has ended: what it left is done now
    database.run("upgrade", "0004")
    with database.engine.connect() as connection:
        query = sa.text(database.quoted('SELECT id, password_hash FROM "user"'))
        hashes = dict(connection.execute(query).all())
    wrong = sum(not opens(hashes[number], known[number]) for number in known)
    return f"{people} passwords hashed while they changed: {wrong} wrong"


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
