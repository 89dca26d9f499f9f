"""A session is a row: what ends on the server has ended, whatever a cookie says."""

import datetime as dt
import re

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app import crypto
from app.accounts import sessions
from app.accounts.models import User, UserSession
from app.db import atomic, db
from tests.browser import Browser
from tests.factories import PASSWORD

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def cookie(browser: Browser) -> str:
    return next((c.value for c in browser.client._cookies.values() if c.key == "session"), "")


def signed(app: Flask, **held: str) -> str:
    """Return a cookie as the site signs it."""
    return SecureCookieSessionInterface().get_signing_serializer(app).dumps(held)


def held(browser: Browser) -> dict[str, str]:
    """Return what the cookie of this browser holds."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(browser.client.application)
    return serializer.loads(cookie(browser)) if cookie(browser) else {}


@pytest.mark.parametrize("remember", [True, False])
def test_a_stolen_cookie_is_worthless_after_logging_out(
    browser: Browser, another_browser: Browser, alice: User, remember: bool
) -> None:
    browser.log_in("alice", PASSWORD, remember=remember)
    another_browser.with_cookies_of(browser)
    assert another_browser.is_logged_in()

    page = browser.log_out()

    assert "You are logged out" in page
    assert not browser.is_logged_in()
    page = another_browser.get("/account")
    assert page.path == "/login"
    assert "this session was ended, here or from another device" in page


def test_logging_in_leaves_no_older_cookie_alive(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.get("/login")
    another_browser.with_cookies_of(browser)  # an attacker fixed or saw it before the log-in
    browser.log_in("alice", PASSWORD)

    assert not another_browser.is_logged_in()


@pytest.mark.parametrize(
    ("remember", "idle"), [(True, dt.timedelta(days=14)), (False, dt.timedelta(hours=12))]
)
def test_a_session_that_is_not_used_ends_and_says_so(
    browser: Browser, alice: User, remember: bool, idle: dt.timedelta
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("alice", PASSWORD, remember=remember)
        clock.shift(idle - dt.timedelta(minutes=1))
        assert browser.is_logged_in()
        clock.shift(idle)  # being seen began the time anew

        page = browser.get("/account")

    assert page.path == "/login"
    assert "you have not used this site for a while" in page


def test_a_session_ends_after_thirty_days_however_often_it_is_used(
    browser: Browser, alice: User
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("alice", PASSWORD, remember=True)
        for _ in range(29):
            clock.shift(dt.timedelta(days=1))
            assert browser.is_logged_in()
        clock.shift(dt.timedelta(days=1))

        assert not browser.is_logged_in()


def test_only_the_digest_of_the_secret_is_stored_and_the_cookie_names_nobody(
    browser: Browser, alice: User, app: Flask
) -> None:
    browser.log_in("alice", PASSWORD)

    contents = held(browser)
    assert contents.keys() == {"_user_id", "csrf_token"}
    assert len(contents["_user_id"]) >= 43  # 256 bits
    with app.app_context():
        row = db.session.scalars(sa.select(UserSession)).one()
        assert row.digest == crypto.digest(contents["_user_id"])
        assert str(row.id) not in contents.values()


def test_keep_me_logged_in_is_one_cookie_that_outlives_the_browser(
    browser: Browser, alice: User
) -> None:
    page = browser.get("/login")
    form = page.form_with("identifier")["fields"]
    answers = form | {"identifier": "alice", "password": PASSWORD}

    brief = browser.client.post("/login", data=answers).headers.getlist("Set-Cookie")
    browser.log_out()
    form = browser.get("/login").form_with("identifier")["fields"]
    answers = form | {"identifier": "alice", "password": PASSWORD, "remember": "y"}
    long = browser.client.post("/login", data=answers).headers.getlist("Set-Cookie")

    assert len(brief) == len(long) == 1
    assert "Expires" not in brief[0]
    assert "Expires" in long[0]
    for header in (*brief, *long):
        assert "HttpOnly" in header and "SameSite=Lax" in header and "Path=/" in header


def test_the_cookie_is_written_only_when_it_changes(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD, remember=True)
    browser.get("/account/password")

    assert "Set-Cookie" not in browser.get("/account").headers


def test_being_seen_is_written_down_every_five_minutes_at_most(
    browser: Browser, alice: User, app: Flask
) -> None:
    def last_seen() -> dt.datetime:
        with app.app_context():
            return db.session.scalars(sa.select(UserSession.last_seen_at)).one()

    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("alice", PASSWORD)
        clock.shift(dt.timedelta(minutes=4))
        browser.get("/account")
        assert last_seen() == NOW
        clock.shift(dt.timedelta(minutes=1))
        browser.get("/account")
        assert last_seen() == NOW + dt.timedelta(minutes=5)


def test_secrets_are_unguessable() -> None:
    secrets = {crypto.secret() for _ in range(200)}

    assert len(secrets) == 200
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)


@pytest.mark.parametrize(
    "value", ["", "x", "a.b.c", "é", "." * 5000, "null", "eyJfdXNlcl9pZCI6MX0"]
)
def test_a_tampered_cookie_is_a_stranger_s(browser: Browser, alice: User, value: str) -> None:
    browser.log_in("alice", PASSWORD)
    browser.client.set_cookie("session", value)

    assert not browser.is_logged_in()


def test_logging_out_asks_the_browser_to_forget(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)
    form = browser.get("/account").form_with("csrf_token")

    response = browser.client.post("/logout", data=form["fields"])

    assert response.status_code == 303
    assert "storage" in response.headers["Clear-Site-Data"]


def test_a_get_of_log_out_changes_nothing(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.get("/logout")

    assert any(form["action"] == "/logout" and form["method"] == "post" for form in page.forms)
    assert browser.is_logged_in()


def test_logging_out_twice_is_no_error(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    another_browser.with_cookies_of(browser)
    fields = another_browser.get("/account").form_with("csrf_token")["fields"]
    browser.log_out()

    assert another_browser.post("/logout", fields).status == 200


def test_strangers_have_no_session_and_no_two_share_a_value(app: Flask, alice: User) -> None:
    strangers = [Browser(app.test_client()) for _ in range(200)]
    for stranger in strangers:
        stranger.get("/login")

    assert {frozenset(held(stranger)) for stranger in strangers} == {frozenset({"csrf_token"})}
    assert len({held(stranger)["csrf_token"] for stranger in strangers}) == 200
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(UserSession.id))) == 0


@pytest.mark.parametrize("place", [0, 10, 40, -20, -3])
def test_a_cookie_with_one_letter_changed_is_a_stranger_s(
    browser: Browser, alice: User, place: int
) -> None:
    browser.log_in("alice", PASSWORD)
    letters = list(cookie(browser))
    letters[place] = "A" if letters[place] != "A" else "B"
    browser.client.set_cookie("session", "".join(letters))

    assert not browser.is_logged_in()


@pytest.mark.parametrize("key", ["", "dev", "secret", "SECRET_KEY", "changeme"])
def test_a_cookie_signed_with_another_key_is_a_stranger_s(
    browser: Browser, alice: User, key: str
) -> None:
    browser.log_in("alice", PASSWORD)
    forger = Flask("forger")
    forger.secret_key = key or "\0"
    browser.client.set_cookie("session", signed(forger, **held(browser)))

    assert not browser.is_logged_in()


def test_what_the_database_holds_of_a_session_opens_none(
    browser: Browser, another_browser: Browser, alice: User, app: Flask
) -> None:
    browser.log_in("alice", PASSWORD)
    digest = crypto.digest(held(browser)["_user_id"])

    for stolen in (digest, "1", str(alice.id), "alice"):
        another_browser.client.set_cookie("session", signed(app, _user_id=stolen))
        assert not another_browser.is_logged_in()


def test_logging_in_again_makes_a_new_secret_and_forgets_what_was_held(
    browser: Browser, alice: User
) -> None:
    seen = []
    for _ in range(3):
        browser.log_in("alice", PASSWORD)
        seen.append(held(browser))
        browser.log_out()

    assert len({contents["_user_id"] for contents in seen}) == 3
    assert len({contents["csrf_token"] for contents in seen}) == 3


def test_whoever_is_in_stays_in_while_somebody_guesses(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    for _ in range(11):
        page = another_browser.log_in("alice", "not the password")
    assert page.status == 429

    assert browser.is_logged_in()


def test_somebody_who_was_removed_is_a_stranger_at_once(
    browser: Browser, alice: User, app: Flask
) -> None:
    @atomic
    def remove() -> None:
        db.session.execute(sa.delete(User).where(User.id == alice.id))

    browser.log_in("alice", PASSWORD, remember=True)
    with app.app_context():
        remove()

    assert not browser.is_logged_in()
    assert browser.log_in("alice", PASSWORD).status == 422


def test_a_session_that_ends_while_its_page_is_made_leads_to_the_log_in(
    browser: Browser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_it_first(session_id: int, user_id: int) -> None:
        raise sessions.Ended

    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("alice", PASSWORD)
        clock.shift(dt.timedelta(minutes=6))
        monkeypatch.setattr(sessions, "note_seen", end_it_first)
        page = browser.get("/account")

    assert page.path == "/login"
    assert "this session was ended" in page
