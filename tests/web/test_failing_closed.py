"""What cannot be checked, counted or written down does not happen."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts.models import User
from app.db import db
from tests.browser import Browser
from tests.factories import PASSWORD
from tests.test_routes import everything

pytestmark = pytest.mark.own_site

NEW = "purple monkey dishwasher"


def lose(app: Flask, table: str) -> None:
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" RENAME TO lost')


def find_again(app: Flask, table: str) -> None:
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql(f'ALTER TABLE lost RENAME TO "{table}"')


def prepared(browser: Browser, address: str, **answers: str) -> Callable[[], TestResponse]:
    """Fill in a form while all is well; return how to send it."""
    fields = browser.get(address).form_with(*answers)["fields"]
    given = {name: value for name, value in fields.items() if value is not None}
    return lambda: browser.client.post(address, data=given | answers)


def test_who_cannot_be_recognised_is_not_let_in(app: Flask, browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)
    lose(app, "user_session")

    for address in ("/account", "/account/password", "/"):
        response = browser.client.get(address)
        assert response.status_code == 500
        assert "alice" not in response.text

    find_again(app, "user_session")
    assert browser.is_logged_in()


@pytest.mark.parametrize("table", ["throttle", "audit_event", "user_session"])
def test_a_log_in_that_cannot_be_counted_or_recorded_is_none(
    app: Flask, browser: Browser, alice: User, table: str
) -> None:
    send = prepared(browser, "/login", identifier="alice", password=PASSWORD)
    lose(app, table)

    assert send().status_code == 500

    find_again(app, table)
    assert everything(app)["user_session"] == []
    assert not browser.is_logged_in()
    assert browser.log_in("alice", PASSWORD).path == "/account"


@pytest.mark.parametrize("table", ["throttle", "audit_event"])
def test_a_sign_up_that_cannot_be_counted_or_recorded_is_none(
    app: Flask, browser: Browser, table: str
) -> None:
    send = prepared(browser, "/register", name="bob", email="bob@example.com", password=PASSWORD)
    lose(app, table)

    assert send().status_code == 500

    find_again(app, table)
    assert everything(app)["user"] == []


@pytest.mark.parametrize("table", ["throttle", "audit_event"])
def test_a_change_of_password_that_cannot_be_counted_or_recorded_is_none(
    app: Flask, browser: Browser, alice: User, table: str
) -> None:
    browser.log_in("alice", PASSWORD)
    before = everything(app)["user"]
    send = prepared(browser, "/account/password", current_password=PASSWORD, password=NEW)
    lose(app, table)

    assert send().status_code == 500

    find_again(app, table)
    assert everything(app)["user"] == before
    assert browser.is_logged_in()
