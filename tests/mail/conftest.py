"""A site that sends its mail to a server on loopback."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app import mail
from app.db import atomic
from tests import post_office
from tests.post_office import PostOffice

ALICE = "alice@example.com"


@pytest.fixture
def port() -> int:
    return post_office.free_port()


@pytest.fixture
def office(port: int) -> Iterator[PostOffice]:
    with post_office.open_on(port) as office:
        yield office


@pytest.fixture
def site(make_app: Callable[..., Flask], port: int) -> Iterator[Flask]:
    """A site on SQLite, with an application context, whose mail server is `office`."""
    app = make_app(**post_office.settings(port))
    with app.app_context():
        yield app


@atomic
def write(to: str = ALICE, *, kind: str = "test", budgeted: bool = False, **more: object) -> None:
    room = not budgeted or mail.has_room(to)
    mail.send(kind, to=to, to_key=to, user=None, room=room, link=mail.link("site.home"), **more)
