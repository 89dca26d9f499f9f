"""How many passwords are hashed at once: each takes 19 MiB and a core, and strangers ask for it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

import pytest
from werkzeug.security import generate_password_hash

from app.accounts import hashing

MOST = os.cpu_count() or 1
PEOPLE = MOST + 3
PATIENCE = 30  # seconds: never waited for, unless the test is to fail
OLD = generate_password_hash("x", method="pbkdf2:sha256:1")


class Crowd:
    """Stands in for the door and the work behind it, which is at an end once all have come."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.room = hashing.room
        self.came = self.inside = self.most = 0

    def __enter__(self) -> None:
        with self.changed:
            self.came += 1
            self.changed.notify_all()
        self.room.acquire()

    def __exit__(self, *error: object) -> None:
        self.room.release()

    def work(self, *args: object) -> bool:
        with self.changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.changed.notify_all()
            self.changed.wait_for(self.is_over, PATIENCE)
            self.inside -= 1
        return True

    def is_over(self) -> bool:
        return self.most > MOST or (self.came == PEOPLE and self.most == MOST)

    hash = verify = work


@pytest.mark.parametrize(
    "act",
    [
        lambda: hashing.make("x"),
        lambda: hashing.matches(hashing.DUMMY, "x"),
        lambda: hashing.matches(None, "x"),
        lambda: hashing.matches(OLD, "x"),
    ],
    ids=["make", "matches", "nobody's", "of the tutorial's time"],
)
def test_no_more_than_there_are_cores_hash_at_once(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> None:
    crowd = Crowd()
    monkeypatch.setattr(hashing, "room", crowd)
    monkeypatch.setattr(hashing, "ARGON2", crowd)
    monkeypatch.setattr(hashing, "check_password_hash", crowd.work)

    with ThreadPoolExecutor(PEOPLE) as people:
        assert all(people.map(lambda _: act(), range(PEOPLE)))

    assert crowd.came == PEOPLE
    assert crowd.most == MOST
