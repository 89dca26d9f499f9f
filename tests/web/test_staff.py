"""The doors of the staff: a permission, and for an act a proof of ten minutes who it is."""

import datetime as dt
import logging
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask

from app.accounts import lifecycle, role_definitions, roles
from app.accounts.models import User
from app.audit import Actor
from app.db import db
from tests.browser import Browser
from tests.conftest import counted
from tests.factories import PASSWORD, administrator, holder

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
OPERATOR = Actor.operator()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def root(app: Flask, clock: time_machine.Traveller, alice: User) -> Browser:
    """The browser of an administrator who has just logged in; Alice has the id 1."""
    with app.app_context():
        administrator()
    browser = Browser(app.test_client())
    browser.log_in("root", PASSWORD)
    return browser


def is_active(app: Flask) -> bool:
    with app.app_context():
        return db.session.get_one(User, 1).is_active


DEACTIVATION = "/admin/users/1/deactivation"


def test_staff_are_asked_again_after_ten_minutes_and_lose_nothing(
    app: Flask, root: Browser, clock: time_machine.Traveller
) -> None:
    clock.shift(dt.timedelta(minutes=11))
    page = root.submit(DEACTIVATION, reason="Left the company")
    assert page.path == "/confirm", "a quarter of an hour is for one's own account"
    assert is_active(app)

    page = root.fill(page, password=PASSWORD)
    assert page.path == "/confirm" and "Deactivate the account" in page
    assert is_active(app), "no page acts by being looked at"
    assert page.forms[-1]["fields"]["reason"] == "Left the company"

    page = root.post(page.forms[-1]["action"], page.forms[-1]["fields"])
    assert page.path == "/admin/users/1"
    assert not is_active(app)


def test_staff_are_not_asked_before(
    app: Flask, root: Browser, clock: time_machine.Traveller
) -> None:
    clock.shift(dt.timedelta(minutes=9))

    assert root.submit(DEACTIVATION, reason="Left").path == "/admin/users/1"
    assert not is_active(app)


def test_looking_takes_no_confirmation(root: Browser, clock: time_machine.Traveller) -> None:
    clock.shift(dt.timedelta(hours=2))

    assert root.get(DEACTIVATION).path == DEACTIVATION


def test_a_permission_that_is_withdrawn_is_gone_within_the_session(
    app: Flask, browser: Browser, alice: User
) -> None:
    with app.app_context():
        holder("gina", "users.view")
    browser.log_in("gina", PASSWORD)
    assert browser.get("/admin/users").status == 200
    assert "Staff" in browser.get("/account")

    with app.app_context():
        role = roles.find("gina")
        assert role is not None
        role_definitions.change(role, ["jobs.view"], shown=["users.view"], by=OPERATOR)

    assert browser.get("/admin/users").status == 403
    assert browser.is_logged_in()


def test_who_is_stopped_is_in_the_log_without_an_address(
    app: Flask, browser: Browser, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    browser.log_in("alice", PASSWORD)

    with caplog.at_level(logging.WARNING):
        page = browser.get("/admin/users")

    assert page.status == 403 and "You cannot do this" in page
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert line.getMessage() == "user 1: NotAllowed at admin.users"


def test_a_stale_form_of_a_page_that_is_not_theirs_is_400_and_shows_nothing_of_it(
    app: Flask, root: Browser, browser: Browser
) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.post(DEACTIVATION, {"reason": "Left", "csrf_token": "stale"})

    assert page.status == 400 and "Deactivate" not in page


def test_what_the_verb_refuses_is_403_as_well(
    app: Flask, browser: Browser, root: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        holder("gina", "users.view", "users.deactivate")
        roles.grant(db.session.get_one(User, 1), "support", by=OPERATOR)
    browser.log_in("gina", PASSWORD)
    form = root.get(DEACTIVATION).form_with("reason")["fields"]
    token = browser.get("/account").form_with("csrf_token")["fields"]["csrf_token"]

    page = browser.post(DEACTIVATION, form | {"reason": "Why not", "csrf_token": token})

    assert page.status == 403 and "beyond your own permissions" in page
    assert is_active(app)
    assert "OutRanked" in caplog.text and "example.com" not in caplog.text


def test_a_deactivated_person_is_out_with_the_next_click(
    app: Flask, browser: Browser, root: Browser
) -> None:
    browser.log_in("alice", PASSWORD, remember=True)
    thief = Browser(app.test_client()).with_cookies_of(browser)

    root.submit(DEACTIVATION, reason="Left the company")

    assert not browser.is_logged_in()
    assert not thief.is_logged_in()
    page = browser.log_in("alice", PASSWORD)
    assert page.status == 422 and "This account is deactivated." in page
    assert "deactivated" not in browser.log_in("alice", "not the password")


def test_a_session_of_somebody_deactivated_is_none_whatever_the_rows_say(
    app: Flask, browser: Browser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.log_in("alice", PASSWORD)
    with app.app_context(), monkeypatch.context() as patch:
        patch.setattr("app.accounts.sessions.end_all", lambda user: 0)
        lifecycle.deactivate(db.session.get_one(User, 1), by=OPERATOR, reason="Left")

    assert not browser.is_logged_in()


def test_only_staff_cost_a_second_look(
    app: Flask, browser: Browser, root: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.log_in("alice", PASSWORD)
    with counted(app, monkeypatch) as of_alice:
        browser.client.get("/account/appearance")
    with counted(app, monkeypatch) as of_root:
        root.client.get("/account/appearance")

    assert len(of_alice["sql"]) == 1
    assert len(of_root["sql"]) == 2
