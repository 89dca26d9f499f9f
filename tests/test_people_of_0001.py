"""Everybody of the first revision, plain-text passwords and all, still gets in."""

from collections.abc import Callable, Iterator

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask

from app.db import db
from tests.browser import Browser
from tests.conftest import made_once, site_on
from tests.services import scratch_database

# name, password
PEOPLE = [
    ("alice", "short"),
    ("Alice", "another Alice"),
    ("ALICE", "a third of the name"),
    ("bob@example.com", "his name has an @"),
    ('o\'brien "quoted" -- ;', 'it\'s "quoted" too; -- \\ %s :x'),
    ("exactly-32-characters-of-name-12", "x" * 32),
    ("Zoë 🦊", "cafe\u0301 🦊"),
    (" trailing ", " spaces count "),
    ("x", "1"),
    (" ", "a blank"),
    ("\u00a0", "another blank"),
]
LOCKED_OUT = [("empty", ""), ("null", None)]


@pytest.fixture(scope="module")
def old_database() -> Iterator[Callable[[str], str]]:
    """Return what gives the URL of a database that has come from 0001 to head, to be copied."""
    with made_once(live_through) as old:
        yield old


def live_through() -> None:
    flask_migrate.upgrade(revision="0001")
    settle()
    flask_migrate.upgrade()


def settle() -> None:
    user = sa.table("user", sa.column("name"), sa.column("password"))
    rows = [{"name": name, "password": word} for name, word in PEOPLE + LOCKED_OUT]
    rows += [{"name": None, "password": "nobody's"}, {"name": "", "password": "no name"}]
    with db.engine.begin() as connection:
        connection.execute(sa.insert(user), rows)


@pytest.fixture
def old_site(engine: str, old_database: Callable[[str], str]) -> Iterator[Flask]:
    with scratch_database(engine, copy_of=old_database(engine)) as url:
        app = site_on(url)
        yield app
        with app.app_context():
            db.engine.dispose()


def test_they_log_in_with_the_old_name_and_password(old_site: Flask) -> None:
    for number, (name, password) in enumerate(PEOPLE):
        browser = Browser(old_site.test_client(), ip=f"192.0.2.{number}")
        page = browser.log_in(name, password)
        assert page.path == "/account", (name, page)
        assert "This account has no email address." in page
        assert name.strip() in page.text


def test_an_empty_password_opens_nothing(old_site: Flask) -> None:
    for number, (name, _) in enumerate(LOCKED_OUT):
        for typed in ("", "!", "None", "null", " "):
            browser = Browser(old_site.test_client(), ip=f"198.51.100.{number}")
            assert browser.log_in(name, typed).status == 422
    assert Browser(old_site.test_client()).log_in("", "no name").status == 422


def test_a_newcomer_cannot_take_a_name_of_theirs(old_site: Flask) -> None:
    page = Browser(old_site.test_client()).sign_up("aLiCe")

    assert page.status == 422
    assert "This name is taken." in page


def test_a_short_old_password_is_exchanged_for_a_long_one(old_site: Flask) -> None:
    browser = Browser(old_site.test_client())
    browser.log_in("alice", "short")

    page = browser.submit(
        "/account/password", current_password="short", password="purple monkey dishwasher"
    )

    assert "Password changed." in page
