"""Confirm it's you: asked before a sensitive act, which waits and is not lost."""

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask, request
from sqlalchemy.orm.exc import ObjectDeletedError

from app.accounts import confirmation, sessions
from app.accounts.confirmation import Held
from app.accounts.errors import WrongPassword
from app.accounts.models import HeldForm, User, UserSession
from app.audit import Actor
from app.db import affected, atomic, db
from app.web.sudo import sudo
from tests import factories
from tests.browser import Browser
from tests.factories import PASSWORD

pytestmark = pytest.mark.own_site

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
LATER = dt.timedelta(minutes=16)
OTHERS = "/account/sessions/others/end"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def stale(
    browser: Browser, another_browser: Browser, alice: User, clock: time_machine.Traveller
) -> Browser:
    """Alice's browser, a while after she logged in; another one of hers is logged in as well."""
    another_browser.log_in("alice", PASSWORD)
    browser.log_in("alice", PASSWORD)
    clock.shift(LATER)
    return browser


def test_a_while_after_the_log_in_alice_is_asked_who_she_is(
    stale: Browser, another_browser: Browser
) -> None:
    page = stale.press("/account/sessions", OTHERS)
    assert page.path == "/confirm"
    assert another_browser.is_logged_in()

    page = stale.fill(page, password=PASSWORD)
    assert "Go on with what you were about to do: Log out all other devices" in page
    assert another_browser.is_logged_in(), "no page acts by being looked at"

    page = stale.post(page.forms[-1]["action"], page.forms[-1]["fields"])
    assert page.path == "/account/sessions"
    assert "We logged out 1 other device." in page
    assert not another_browser.is_logged_in()


def test_she_is_not_asked_again_for_a_quarter_of_an_hour(
    stale: Browser, clock: time_machine.Traveller
) -> None:
    stale.submit("/confirm", password=PASSWORD)
    clock.shift(dt.timedelta(minutes=14))
    page = stale.get("/account/sessions")
    clock.shift(dt.timedelta(minutes=1))

    assert stale.get("/confirm").path == "/confirm"
    assert stale.post(OTHERS, page.forms[-1]["fields"]).path == "/confirm"


def test_a_wrong_password_confirms_nothing_and_counts(
    stale: Browser, another_browser: Browser
) -> None:
    stale.press("/account/sessions", OTHERS)
    for _ in range(10):
        page = stale.submit("/confirm", password="not the password")
        assert page.status == 422
        assert page.text.count("This is not your current password.") == 2

    assert stale.submit("/confirm", password=PASSWORD).status == 429
    assert another_browser.is_logged_in()


@pytest.fixture
def guarded(app: Flask) -> Flask:
    """A site with a form that is asked for before it may be seen or sent."""

    @sudo("Transfer")
    def transfer() -> str:
        return f"{request.method} {sorted(request.form.items(multi=True))} {request.query_string}"

    app.add_url_rule("/transfer", "transfer", transfer, methods=["GET", "POST"])
    return app


def test_a_page_is_reached_in_the_end_with_its_query(guarded: Flask, stale: Browser) -> None:
    page = stale.get("/transfer?to=bob")
    assert page.path == "/confirm"

    page = stale.fill(page, password=PASSWORD)

    assert page.path == "/transfer" and "to=bob" in page


def test_answers_wait_sealed_and_without_passwords(guarded: Flask, stale: Browser) -> None:
    token = stale.get("/account").form_with("csrf_token")["fields"]["csrf_token"]
    answers = {"to": ["bob", "<b>carol</b>"], "new_password": "hush", "csrf_token": token}

    page = stale.post("/transfer?amount=1", answers)
    with guarded.app_context():
        sealed = db.session.scalars(sa.select(HeldForm.sealed)).one()
    assert "bob" not in sealed and "hush" not in sealed

    page = stale.fill(page, password=PASSWORD)
    assert "<b>carol" not in page.html
    action, fields = page.forms[-1]["action"], page.forms[-1]["fields"]
    assert "new_password" not in fields
    page = stale.post(action, fields | {"to": ["bob", "<b>carol</b>"]})
    assert "('to', '<b>carol</b>'), ('to', 'bob')" in page.html and "amount=1" in page.html
    with guarded.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(HeldForm)) == 0


def test_what_one_browser_holds_no_other_gets(
    guarded: Flask, stale: Browser, another_browser: Browser
) -> None:
    with guarded.app_context():
        factories.person("bob")
    stale.press("/account/sessions", OTHERS)
    another_browser.log_out()
    another_browser.log_in("bob", PASSWORD)

    assert another_browser.get("/confirm").path == "/account"


def test_what_is_held_too_long_is_let_go(stale: Browser, clock: time_machine.Traveller) -> None:
    stale.press("/account/sessions", OTHERS)
    clock.shift(LATER)

    assert stale.submit("/confirm", password=PASSWORD).path == "/account"


def test_what_is_too_large_to_hold_is_no_error(guarded: Flask, stale: Browser) -> None:
    token = stale.get("/account").form_with("csrf_token")["fields"]["csrf_token"]

    page = stale.post("/transfer", {"csrf_token": token, "essay": "x" * 100_000})

    assert page.path == "/confirm"
    assert stale.fill(page, password=PASSWORD).path == "/account"


def test_a_stranger_has_nothing_to_confirm(browser: Browser) -> None:
    assert browser.get("/confirm").path == "/login"


def test_confirming_gives_the_browser_a_new_secret(
    stale: Browser, app: Flask, clock: time_machine.Traveller
) -> None:
    thief = Browser(app.test_client()).with_cookies_of(stale)

    stale.submit("/confirm", password=PASSWORD)

    assert stale.is_logged_in()
    assert not thief.is_logged_in()


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_confirming_never_leads_away(stale: Browser, elsewhere: str) -> None:
    page = stale.get("/confirm", query_string={"next": elsewhere})

    page = stale.fill(page, password=PASSWORD)

    assert page.path == "/account"


def test_asking_for_a_page_writes_nothing(guarded: Flask, stale: Browser) -> None:
    stale.get("/transfer?to=bob")

    with guarded.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(HeldForm)) == 0


def test_a_session_that_ended_meanwhile_does_nothing(each_app: Flask) -> None:
    browser = Browser(each_app.test_client())
    browser.sign_up("bob")
    with each_app.app_context():
        here = db.session.scalars(sa.select(UserSession)).one()
        bob, by, key = here.user, Actor.visitor("192.0.2.1"), sessions.key_of(here)
        remove(here.id)
        for act in (
            lambda: confirmation.hold(here, Held("/somewhere", [("a", "b")]), by=by),
            lambda: confirmation.note_confirmed(bob, str(bob.password_hash), by=by, here=key),
            lambda: sessions.end_all_others(bob, by=by, here=here),
            lambda: sessions.end_one(bob, 1, by=by, here=here),
        ):
            with pytest.raises((sessions.Ended, ObjectDeletedError)):
                act()


@atomic
def remove(session_id: int) -> None:
    affected(sa.delete(UserSession).where(UserSession.id == session_id))


def test_an_old_password_confirms_nothing_once_it_was_changed(each_app: Flask) -> None:
    browser = Browser(each_app.test_client())
    browser.sign_up("bob")
    with each_app.app_context():
        here = db.session.scalars(sa.select(UserSession)).one()
        by, key = Actor.visitor("192.0.2.1"), sessions.key_of(here)
        with pytest.raises(WrongPassword):
            confirmation.note_confirmed(here.user, "the hash of before", by=by, here=key)
        old = sessions.Key(key.id, "the digest of before")
        with pytest.raises(sessions.Ended):
            confirmation.note_confirmed(here.user, str(here.user.password_hash), by=by, here=old)


def test_a_stolen_cookie_cannot_put_an_act_in_the_place_of_the_owner_s(
    guarded: Flask, stale: Browser
) -> None:
    thief = Browser(guarded.test_client()).with_cookies_of(stale)
    page = stale.press("/account/sessions", OTHERS)
    token = thief.get("/account").form_with("csrf_token")["fields"]["csrf_token"]
    thief.post("/transfer", {"csrf_token": token, "to": "thief"})

    page = stale.fill(page, password=PASSWORD)

    assert "thief" not in page.html and "/transfer" not in page.html


def test_confirming_twice_logs_nobody_out(stale: Browser, app: Flask) -> None:
    page = stale.get("/confirm")
    twin = Browser(app.test_client()).with_cookies_of(stale)
    stale.fill(page, password=PASSWORD)

    answer = twin.client.post("/confirm", data=page.form_with("password")["fields"])

    assert "Set-Cookie" not in answer.headers, "it would take the place of the new one"
    assert stale.is_logged_in()


def test_over_the_limit_somebody_fresh_is_told_so(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)
    token = browser.get("/account").form_with("csrf_token")["fields"]["csrf_token"]
    for _ in range(11):
        page = browser.post("/confirm", {"csrf_token": token, "password": "not the password"})

    assert (page.path, page.status) == ("/confirm", 429)


def test_words_are_held_whatever_parts_they_have(guarded: Flask, stale: Browser) -> None:
    token = stale.get("/account").form_with("csrf_token")["fields"]["csrf_token"]
    sent = {"postcode": "1", "country-code": "2", "New_Password": "3", "csrf_token": token}

    page = stale.fill(stale.post("/transfer", sent), password=PASSWORD)

    assert set(page.forms[-1]["fields"]) == {"csrf_token", "postcode"}
