"""People use both releases while a change goes through its stages, and nothing of theirs fails.

At a size for tests; `make bench-migrations` does it with a million people and the site's queries.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from app.db import db as site
from tests.schema.conftest import Schema
from tests.schema.histories import FILL, KEY, PERSON, add, db, written

PEOPLE = 2000
PAUSE = 0.003  # seconds between two turns of the same visitor
OLD = sa.table("person", *map(sa.column, ("id", "name")))
NEW = sa.table("person", *map(sa.column, ("id", "name", "slug")))
TIGHTEN = """ddl.set_not_null("person", "slug")
    ddl.create_unique_index("ix_person_slug", "person", ["slug"])"""


class Visitors:
    """Whoever comes does their turn again and again; what failed is kept, and what went well."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.failed: list[str] = []
        self.served: dict[str, int] = {}

    @contextmanager
    def come(self, who: str, turn: Callable[[sa.Connection, int], object]) -> Iterator[None]:
        gone = threading.Event()

        def visit() -> None:
            for number in count(1):
                if gone.wait(PAUSE):
                    return
                try:
                    with self.engine.begin() as connection:
                        turn(connection, number)
                    self.served[who] = number
                except Exception as error:  # whatever it is, somebody got no answer
                    self.failed.append(f"{who}: {error}")

        thread = threading.Thread(target=visit)
        thread.start()
        try:
            yield
        finally:
            gone.set()
            thread.join()


def look(connection: sa.Connection, number: int) -> None:
    connection.execute(sa.select(OLD.c.name).where(OLD.c.id == number % PEOPLE + 1)).all()


def write_old(connection: sa.Connection, number: int) -> None:
    connection.execute(sa.insert(OLD).values(name=f"old {number}"))
    renamed = sa.update(OLD).where(OLD.c.id == number % PEOPLE + 1)
    connection.execute(renamed.values(name=f"renamed {number}"))


def write_new(connection: sa.Connection, number: int) -> None:
    connection.execute(sa.insert(NEW).values(name=f"new {number}", slug=f"new {number}"))


def test_nothing_of_either_release_fails_while_a_change_goes_through_its_stages(
    schema: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL)
    add(folder, "contract", TIGHTEN, head='requires_done = ["0003"]')
    schema.upgrade("0001", directory=str(folder))
    with schema.app.app_context():
        visitors = Visitors(site.engine)
    with visitors.engine.begin() as connection:
        names = [{"name": f"person {number}"} for number in range(PEOPLE)]
        connection.execute(sa.insert(OLD), names)

    with visitors.come("reader", look):
        with visitors.come("old", write_old):
            run(schema, folder, "expand")
            with visitors.come("roll-out", write_new):
                run(schema, folder, "backfill")
        with visitors.come("new", lambda c, number: write_new(c, -number)):
            run(schema, folder, "backfill")  # what the old release wrote behind it
            run(schema, folder, "contract")

    assert visitors.failed == []
    assert all(visitors.served[who] for who in ("reader", "old", "roll-out", "new"))
    assert schema.version == "0004"
    assert schema.scalar("SELECT COUNT(*) FROM person WHERE slug IS NULL") == 0


def run(schema: Schema, folder: Path, stage: str) -> None:
    result = db(schema, folder, stage)
    assert result.exit_code == 0, result.output
