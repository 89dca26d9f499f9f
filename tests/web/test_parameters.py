"""A form takes the fields it shows, once each, from its own body, and nothing else."""

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.accounts.models import User
from app.db import db
from tests.browser import Browser
from tests.factories import PASSWORD

# What somebody might hope to set along the way.
HOPES = {
    "id": "1000",
    "user_id": "1000",
    "name_key": "root",
    "display_name": "The Administrator",
    "email": "thief@example.com",
    "email_key": "thief@example.com",
    "pending_email": "thief@example.com",
    "pending_email_key": "thief@example.com",
    "email_confirmed": "1",
    "password_hash": "x",
    "created_at": "1999-01-01",
    "role": "admin",
    "roles": "admin",
    "permissions": "*",
    "is_admin": "1",
    "is_active": "1",
    "deactivated_at": "",
    "origin": "operator",
    "claimed_at": "1999-01-01",
    "last_seen_at": "1999-01-01",
    "verified": "true",
    "user[role]": "admin",
    "__class__": "x",
    "sessions-0-remembered": "1",
    "digest": "x",
}


def people(app: Flask) -> list[sa.RowMapping]:
    with app.app_context(), db.engine.connect() as connection:
        return list(connection.execute(sa.select(User.__table__)).mappings())


def test_registering_sets_what_the_form_asks_for(browser: Browser, app: Flask) -> None:
    fields = browser.get("/register").form_with("name")["fields"]
    answers = {"name": "bob", "email": "bob@example.com", "password": PASSWORD}

    browser.post("/register", HOPES | fields | answers)

    (bob,) = people(app)
    moments = {"created_at", "claimed_at", "last_seen_at"}
    assert {key: value for key, value in bob.items() if key not in moments | {"password_hash"}} == {
        "id": 1,
        "name": "bob",
        "name_key": "bob",
        "display_name": None,
        "email": None,
        "email_key": None,
        "pending_email": "bob@example.com",
        "pending_email_key": "bob@example.com",
        "origin": "registration",
        "deactivated_at": None,
    }
    assert bob["password_hash"].startswith("$argon2id$")
    assert all(bob[moment].year >= 2026 for moment in moments)


@pytest.mark.parametrize(
    ("address", "answers"),
    [
        ("/login", {"identifier": "alice", "password": PASSWORD}),
        (
            "/account/password",
            {"current_password": PASSWORD, "password": "purple monkey dishwasher"},
        ),
        ("/account/appearance", {"theme": "dark"}),
        ("/password/forgotten", {"email": "alice@example.com"}),
        ("/logout", {}),
    ],
)
def test_no_other_form_changes_anything_else_of_a_person(
    browser: Browser, alice: User, app: Flask, address: str, answers: dict[str, str]
) -> None:
    if address != "/login":
        browser.log_in("alice", PASSWORD)
    (before,) = people(app)
    fields = browser.get(address).form_with(*answers, "csrf_token")["fields"]
    sent = HOPES | {"name": "mallory"} | {key: value for key, value in fields.items() if value}

    page = browser.post(address, sent | answers)

    assert page.status == 200
    (after,) = people(app)
    changed = {key for key in before if before[key] != after[key]}
    expected = {"/account/password": {"password_hash"}, "/login": {"last_seen_at"}}
    assert changed == expected.get(address, set())


def test_of_a_field_that_is_sent_twice_the_first_is_checked_and_kept(
    browser: Browser, alice: User, app: Flask
) -> None:
    fields = MultiDict(browser.get("/register").form_with("name")["fields"])
    for name, values in {
        "name": ["bob", "alice", "x@y"],
        "email": ["bob@example.com", "thief@example.com"],
        "password": [PASSWORD, "short"],
    }.items():
        fields.setlist(name, values)

    assert browser.post("/register", fields).path == "/account"

    bob = people(app)[1]
    assert (bob["name"], bob["pending_email"]) == ("bob", "bob@example.com")
    browser.log_out()
    assert browser.log_in("bob", PASSWORD).path == "/account"


def test_an_address_answers_for_no_field(browser: Browser, alice: User) -> None:
    fields = browser.get("/login").form_with("identifier")["fields"]
    typed = {"identifier": "alice", "password": PASSWORD}

    assert browser.post("/login?identifier=alice&password=" + PASSWORD, fields).status == 422
    page = browser.post("/login?identifier=nobody&password=wrong&remember=y", fields | typed)

    assert page.path == "/account"
    (cookie,) = page.response.history[0].headers.getlist("Set-Cookie")
    assert "Expires" not in cookie
