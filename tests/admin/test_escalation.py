"""Every role on every route of the staff: who lacks the permission is stopped at the door.

Routes are taken from the URL map and their permissions from `requires`, so that a new one is tried
without a line here.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.accounts import role_definitions, roles
from app.accounts.models import User
from app.accounts.roles import ADMINISTRATOR, ALL
from app.audit import Actor
from app.db import db
from tests.browser import Browser
from tests.factories import PASSWORD, person

ROLES = ["", "support", ADMINISTRATOR, *(f"only {permission}" for permission in sorted(ALL))]


def doors(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Yield each route of the staff with a method and an address that it answers to."""
    with app.test_request_context() as context:
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("admin."):
                address = context.url_adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, 1))
                for method in sorted(rule.methods or ()):
                    if method in {"GET", "POST"}:
                        yield rule, method, address


def test_every_route_of_the_staff_takes_a_permission(app: Flask) -> None:
    found = {rule.endpoint for rule, *_ in doors(app)}

    assert "admin.dashboard" in found
    for endpoint in found:
        assert getattr(app.view_functions[endpoint], "permission", None) in ALL, endpoint


def test_a_stranger_is_asked_to_log_in(app: Flask) -> None:
    browser = Browser(app.test_client())
    token = browser.get("/login").value("csrf_token")
    for _, method, address in doors(app):
        response = browser.client.open(address, method=method, data={"csrf_token": token})
        assert (response.status_code, response.location.partition("?")[0]) == (303, "/login")


@pytest.fixture
def somebody(app: Flask) -> User:
    """The person, with the id 1, on whom everybody tries to act."""
    with app.app_context():
        return person("somebody")


@pytest.mark.parametrize("role", ROLES)
def test_a_door_opens_to_its_permission_alone(app: Flask, somebody: User, role: str) -> None:
    with app.app_context():
        eve = person("eve")
        if role.startswith("only "):
            role_definitions.create(role, [role.removeprefix("only ")], by=Actor.operator())
        if role:
            roles.grant(eve, role, by=Actor.operator())
        held = roles.permissions_of(eve.id)
    browser = Browser(app.test_client())
    browser.log_in("eve", PASSWORD)
    token = str(browser.get("/account").form_with("csrf_token")["fields"]["csrf_token"])

    for rule, method, address in doors(app):
        status = answer(browser.client, method, address, token)
        is_let_in = app.view_functions[rule.endpoint].permission in held  # type: ignore[attr-defined]
        assert (status != 403) == is_let_in, (method, address, status)
        assert status < 500 and status != 400, "the token is right: this would prove nothing"


def answer(client: FlaskClient, method: str, address: str, token: str) -> int:
    # Every permission and role that a form might take, unasked.
    bait = {"csrf_token": token, "permissions": sorted(ALL), "roles": [ADMINISTRATOR]}
    return client.open(address, method=method, data=bait if method == "POST" else None).status_code


@pytest.mark.parametrize(
    ("address", "answers"),
    [
        ("/register", {"name": "eve", "email": "eve@example.com", "password": PASSWORD}),
        ("/account/email", {"email": "eve@example.com"}),
        ("/account/appearance", {"theme": "dark"}),
    ],
)
def test_fields_that_no_form_has_change_nothing(app: Flask, address: str, answers: dict) -> None:
    browser = Browser(app.test_client())
    if address != "/register":
        browser.sign_up("eve", email="e@example.com")
    form = browser.get(address).form_with(*answers)["fields"]
    extra = {
        "id": "1",
        "user_id": "1",
        "role": ADMINISTRATOR,
        "roles": ADMINISTRATOR,
        "role_id": "1",
        "permissions": sorted(ALL),
        "origin": "staff",
        "email_key": "eve@example.com",
        "is_admin": "y",
        "deactivated_at": "",
    }

    browser.post(address, form | extra | answers)

    with app.app_context():
        eve = db.session.get_one(User, 1)
        assert (roles.roles_of(eve), eve.email, eve.origin) == ([], None, "registration")
    assert browser.get("/admin").status == 403
