"""Nothing acts but a form of this very browser."""

import pytest
from flask import Flask

from app.accounts.models import User
from tests.browser import Browser
from tests.factories import PASSWORD
from tests.test_routes import addresses, everything

ANSWERS = {
    "name": "bob",
    "email": "bob@example.com",
    "identifier": "alice",
    "current_password": PASSWORD,
    "password": "purple monkey dishwasher",
    "theme": "dark",
    "code": "BCDF-GHJK",
}
# Where somebody logged in has no form to be shown again, the page sends on.
ON_TO = {"/account", "/account/email"}


def token_of(browser: Browser) -> str:
    return browser.get("/login").form_with("identifier")["fields"]["csrf_token"]


@pytest.mark.parametrize(
    "token", ["absent", "empty", "of a stranger", "of another person", "from before the log-in"]
)
def test_no_route_acts_without_the_token_of_this_browser(
    app: Flask, browser: Browser, another_browser: Browser, alice: User, token: str
) -> None:
    before_login = token_of(browser)
    browser.log_in("alice", PASSWORD)
    another_browser.sign_up("carol")
    sent = {
        "absent": {},
        "empty": {"csrf_token": ""},
        "of a stranger": {"csrf_token": token_of(Browser(app.test_client()))},
        "of another person": another_browser.get("/account").form_with("csrf_token")["fields"],
        "from before the log-in": {"csrf_token": before_login},
    }[token]
    right = browser.get("/account").value("csrf_token")
    acting = [address for rule, address in addresses(app) if "POST" in rule.methods]
    before = everything(app)

    for address in acting:
        # The right one does not count where it would be logged, and sent on as a Referer.
        response = browser.client.post(
            address, data=ANSWERS | sent, query_string={"csrf_token": right}
        )
        assert response.status_code == 400 or response.location in ON_TO, address
        assert "theme" not in str(response.headers.getlist("Set-Cookie"))
        assert everything(app) == before, address
    assert browser.is_logged_in()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_asking_for_a_page_with_the_answers_in_its_address_does_nothing(
    app: Flask, browser: Browser, alice: User, method: str
) -> None:
    sent = ANSWERS | {"password": PASSWORD, "csrf_token": token_of(browser)}
    before = everything(app)

    for _, address in addresses(app):
        browser.client.open(address, method=method, query_string=sent, data=sent)

    assert everything(app) == before
    assert not browser.is_logged_in()


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_a_get_stays_a_get(app: Flask, browser: Browser, alice: User, header: str) -> None:
    browser.log_in("alice", PASSWORD)
    fields = browser.get("/account").form_with("csrf_token")["fields"]

    query = fields | {"_method": "POST"}
    browser.client.get("/logout", headers={header: "POST"}, query_string=query)

    assert browser.is_logged_in()
