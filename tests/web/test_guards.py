"""Closed by default, and deaf to other sites."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User
from app.web.guards import is_public, visitor
from tests.browser import Browser
from tests.factories import PASSWORD

OPEN = {
    "auth.forgotten",
    "auth.login",
    "auth.logout",
    "auth.register",
    "auth.reset",
    "auth.setup",
    "auth.verify",
    "dev.components",
    "dev.mail_html",
    "dev.mails",
    "site.change_password",
    "site.home",
    "site.ready",
    "site.robots",
    "site.security",
    "site.up",
    "static",
}


def test_what_is_open_is_open_on_purpose(app: Flask) -> None:
    with app.test_request_context():
        found = {rule.endpoint for rule in app.url_map.iter_rules() if is_public(rule.endpoint)}

    assert found == OPEN


@pytest.mark.own_site
def test_a_route_that_says_nothing_is_closed(app: Flask) -> None:
    app.add_url_rule("/forgotten-guard", "forgotten_guard", lambda: "private")

    response = app.test_client().get("/forgotten-guard")

    assert response.status_code == 303
    assert "/login" in response.headers["Location"]


@pytest.mark.parametrize(
    "address",
    [
        "/account",
        "/ACCOUNT",
        "/account/",
        "/account%2f",
        "/%61ccount",
        "/./account",
        "/x/../account",
        "/account//password",
        "/account%00",
        "/account%20",
        "/account;x",
        "/account?x=/up",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Original-URL": "/account", "X-Rewrite-URL": "/account"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Authorization": "Basic YTpi"},
        {"X-HTTP-Method-Override": "POST", "X-Forwarded-User": "alice", "Remote-User": "alice"},
    ],
)
def test_no_trick_with_an_address_or_a_header_opens_a_private_page(
    browser: Browser, alice: User, address: str, headers: dict[str, str]
) -> None:
    page = browser.get(address, headers=headers)

    assert page.path == "/login" or page.status == 404, page
    assert browser.get("/", headers=headers).path == "/"
    assert not browser.is_logged_in()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_another_site_cannot_act_even_with_a_right_token(
    browser: Browser, alice: User, headers: dict[str, str]
) -> None:
    fields = browser.get("/login").form_with("identifier")["fields"]
    answers = fields | {"identifier": "alice", "password": PASSWORD}

    response = browser.client.post("/login", data=answers, headers=headers)

    assert response.status_code == 403
    assert not browser.is_logged_in()


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_our_own_forms_are_heard(browser: Browser, alice: User, headers: dict[str, str]) -> None:
    fields = browser.get("/login").form_with("identifier")["fields"]
    answers = fields | {"identifier": "alice", "password": PASSWORD}

    assert browser.client.post("/login", data=answers, headers=headers).status_code == 303


@pytest.mark.parametrize("token", [None, "", "x", "of another browser"])
def test_a_stale_page_keeps_the_answers_and_brings_a_fresh_token(
    browser: Browser, another_browser: Browser, token: str | None
) -> None:
    foreign = another_browser.get("/register").form_with("name")["fields"]["csrf_token"]
    fields = {"name": "bob", "email": "bob@example.com", "password": PASSWORD}
    if token is not None:
        fields["csrf_token"] = foreign if token == "of another browser" else token

    page = browser.post("/register", fields)

    assert page.status == 400
    assert page.title.startswith("Error: ")
    assert "Your answers are kept: check them and send again." in page
    assert (page.value("name"), page.value("email")) == ("bob", "bob@example.com")
    assert page.value("password") == ""
    assert not browser.is_logged_in()
    assert browser.fill(page, password=PASSWORD).path == "/account"


def test_a_stale_page_of_somebody_logged_in_acts_no_more_than_a_stranger_s(
    browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.post("/logout", {})
    assert page.status == 400
    assert "This page had been open for too long." in page
    assert browser.is_logged_in()
    new = {"current_password": PASSWORD, "password": "purple monkey dishwasher"}
    assert browser.post("/account/password", new).status == 400
    browser.log_out()
    assert browser.log_in("alice", PASSWORD).path == "/account"


@pytest.mark.parametrize(
    "kwargs",
    [
        {"json": {"identifier": "alice", "password": PASSWORD}},
        {"data": "identifier=alice", "content_type": "text/plain"},
        {"json": "x"},
        {"json": [None, None]},
    ],
)
def test_a_body_of_another_type_is_no_form(app: Flask, kwargs: dict) -> None:
    assert app.test_client().post("/login", **kwargs).status_code == 400


@pytest.mark.parametrize(
    "body", ["x", 1, None, [None, None], {"identifier": ["alice"], "password": {"a": 1}}, True]
)
def test_json_fills_in_no_form_even_with_a_right_token(
    browser: Browser, alice: User, body: object
) -> None:
    token = browser.get("/login").value("csrf_token")

    page = browser.client.post("/login", json=body, headers={"X-CSRFToken": token})

    assert page.status_code == 422
    assert "Enter your name or email address." in page.text


def test_methods_that_mean_nothing_are_refused(app: Flask) -> None:
    client: FlaskClient = app.test_client()

    assert client.put("/login").status_code == 405
    assert client.delete("/account").status_code == 405
    assert client.open("/login", method="TRACE").status_code == 405
    assert "POST" in client.put("/login").headers["Allow"]


@pytest.mark.parametrize(
    ("sent", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5555", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%" + "a" * 60, "fe80::1"),
        ("x" * 60, ""),
        ("", ""),
    ],
)
def test_an_address_is_an_address_or_nothing(app: Flask, sent: str, counted_as: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": sent}):
        assert visitor().ip == counted_as
