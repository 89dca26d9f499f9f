"""Alice sees where she is logged in, and ends what she does not know."""

import datetime as dt

import time_machine
from flask import Flask

from app.accounts.models import User, UserSession
from app.db import db
from tests import factories
from tests.browser import Browser
from tests.factories import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def test_alice_sees_every_device_in_words(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    another_browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    another_browser.log_in("alice", PASSWORD, remember=True)
    browser.log_in("alice", PASSWORD)

    page = browser.get("/account/sessions")

    assert "Firefox on Linux" in page and "192.0.2.7" in page
    assert page.text.count("This device") == 1


def test_alice_ends_one(browser: Browser, another_browser: Browser, alice: User) -> None:
    another_browser.log_in("alice", PASSWORD)
    browser.log_in("alice", PASSWORD)
    [end] = [form["action"] for form in browser.get("/account/sessions").forms if is_one(form)]

    page = browser.press("/account/sessions", end)

    assert "That device is logged out." in page
    assert not another_browser.is_logged_in()
    assert browser.is_logged_in()


def is_one(form: dict) -> bool:
    return form["action"].startswith("/account/sessions/") and "others" not in form["action"]


def test_alice_ends_all_others(browser: Browser, another_browser: Browser, alice: User) -> None:
    another_browser.log_in("alice", PASSWORD)
    browser.log_in("alice", PASSWORD)

    page = browser.press("/account/sessions", "/account/sessions/others/end")

    assert "We logged out 1 other device." in page
    assert not another_browser.is_logged_in()
    assert "Log out all other devices" not in page


def test_nobody_ends_somebody_else_s(
    app: Flask, browser: Browser, another_browser: Browser, alice: User
) -> None:
    with app.app_context():
        factories.person("bob")
    another_browser.log_in("bob", PASSWORD)
    browser.log_in("alice", PASSWORD)
    with app.app_context():
        theirs = db.session.scalar(
            db.select(UserSession.id).join(UserSession.user).where(User.name == "bob")
        )
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    page = browser.post(f"/account/sessions/{theirs}/end", {"csrf_token": token})

    assert "That device was not logged in any more." in page
    assert another_browser.is_logged_in()


def test_no_secret_of_a_session_is_on_the_page(browser: Browser, app: Flask, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    html = browser.get("/account/sessions").html

    with app.app_context():
        assert db.session.scalar(db.select(UserSession.digest)) not in html


def test_what_has_expired_is_not_listed(
    browser: Browser, another_browser: Browser, alice: User
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        another_browser.log_in("alice", PASSWORD)
        clock.shift(dt.timedelta(hours=13))
        browser.log_in("alice", PASSWORD)

        assert "192.0.2.7" not in browser.get("/account/sessions")
