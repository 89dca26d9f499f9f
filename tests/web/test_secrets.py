"""A secret is in its owner's head or cookie and, as a digest, in the database. Nowhere else."""

import logging

import pytest
import sqlalchemy as sa
from flask import Flask

from app import crypto
from app.accounts.models import User, UserSession
from app.db import db
from tests.auth.test_sessions import held
from tests.browser import Browser, Page
from tests.factories import PASSWORD
from tests.test_audit import trail

pytestmark = pytest.mark.own_site

NEW = "purple monkey dishwasher"
GUESS = "a guess that is wrong"


class Diary(Browser):
    """A browser that keeps every page, every address it was at, and every secret it was given."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.test_client())
        self.app = app
        self.pages: list[str] = []
        self.addresses: list[str] = []
        self.secrets: set[str] = set()

    def held_to_the_rules(self, page: Page) -> Page:
        self.pages.append(page.html)
        for response in (*page.response.history, page.response):
            self.addresses += [response.request.url, response.headers.get("Location", "")]
        if "_user_id" in held(self):
            secret = held(self)["_user_id"]
            self.secrets |= {secret, crypto.digest(secret)}
        return super().held_to_the_rules(page)


@pytest.fixture
def diary(app: Flask) -> Diary:
    """Somebody signs up, looks at everything, fails, and changes the password."""
    diary = Diary(app)
    diary.sign_up("bob")
    diary.log_out()
    diary.get("/account/password")
    diary.log_in("bob", GUESS)
    diary.log_in("bob", PASSWORD, remember=True)
    diary.submit("/account/password", current_password=GUESS, password=NEW)
    diary.submit("/account/password", current_password=PASSWORD, password=NEW)
    for address in ("/account", "/account/appearance", "/logout", "/nowhere", "/register"):
        diary.get(address)
    diary.post("/account/password", {"current_password": NEW, "password": NEW})  # a stale form
    with app.app_context():
        diary.secrets |= set(db.session.scalars(sa.select(User.password_hash)))
        diary.secrets |= set(db.session.scalars(sa.select(UserSession.digest)))
    assert len(diary.secrets) == 7  # two sessions, one of them renewed; the digests; the hash
    diary.secrets |= {PASSWORD, NEW, GUESS}
    return diary


def found(secrets: set[str], *texts: str) -> list[str]:
    return [secret for secret in secrets for text in texts if secret in text]


def test_no_page_shows_one(diary: Diary) -> None:
    assert found(diary.secrets, *diary.pages) == []


def test_no_address_holds_one(diary: Diary) -> None:
    tokens = {form["fields"]["csrf_token"] for form in diary.get("/account").forms}
    spelt = {word.replace(" ", sign) for word in (PASSWORD, NEW, GUESS) for sign in ("+", "%20")}

    assert len(diary.addresses) > 20
    assert found(diary.secrets | tokens | spelt, *diary.addresses) == []


def test_the_trail_holds_none(diary: Diary, app: Flask) -> None:
    rows = [str(vars(row)) for row in trail(app)]

    assert len(rows) > 5
    assert found(diary.secrets, *rows) == []


def test_the_log_holds_none(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    caplog.set_level(logging.DEBUG)
    diary = request.getfixturevalue("diary")

    assert found(diary.secrets, caplog.text) == []


def test_nor_does_it_when_a_statement_fails(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(app.test_client())
    fields = browser.get("/register").form_with("name")["fields"]
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql('ALTER TABLE "user" RENAME COLUMN created_at TO gone')

    answers = {"name": "bob", "email": "bob@example.com", "password": PASSWORD}
    response = browser.client.post("/register", data=fields | answers)

    assert response.status_code == 500
    assert "INSERT INTO" in caplog.text  # the statement is there, its values are not
    assert found({"$argon2id$", PASSWORD, "bob@example.com"}, caplog.text) == []
