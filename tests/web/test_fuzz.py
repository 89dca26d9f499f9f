"""Nothing that can be sent causes a 500, at any route of the URL map, whoever sends it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

from app.accounts import role_definitions, setup
from app.accounts.tokens import Purpose
from app.audit import Actor
from tests import factories
from tests.browser import Browser
from tests.e2e.site import secret_for

pytestmark = pytest.mark.own_site

NASTY = [
    "",
    "\0",
    "a\0b",
    "🦊" * 100,
    "\u202eedoc",
    "شارع" * 20,
    "x" * 100_000,
    "\ud83d",
    "' OR 1=1 --",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: x=y",
    "%00",
    "../../etc/passwd",
    "-1",
    "99999999999999999999",
]
FIELDS = [
    *("name", "email", "password", "identifier", "current_password", "remember", "next", "theme"),
    *("code", "reason", "roles", "permissions", "shown", "csrf_token", "name[]", "password[0]"),
]
PARAMETERS = [
    *("next", "q", "sort", "cursor", "status", "role", "who", "whom", "event", "ip", "since"),
    *("until", "state", "to", "refresh", "q[]"),
]
TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json",
    "text/plain; charset=utf-16",
    "",
]
NOT_THERE = ["0", "9" * 19, "9" * 40, "\0", "\u202e"]
ENDS = {"/logout"}

text = st.one_of(st.sampled_from(NASTY), st.text(max_size=60))
form = st.lists(st.tuples(st.sampled_from(FIELDS), text), max_size=8)
query = st.lists(st.tuples(st.sampled_from(PARAMETERS), text), max_size=4)
cookie = st.one_of(
    st.none(), st.sampled_from(["", "x", "a.b.c", "." * 4000, "é"]), st.text(max_size=40)
)
body = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b'"x"', b"1", b"[null,null]", b"[" * 20_000, b"--x\r\n\r\n", b"a=%ff%fe&a=1"]),
)


class Address(NamedTuple):
    rule: Rule
    path: str
    is_live: bool  # what it names is there


def addresses(app: Flask) -> list[Address]:
    """Every route that can be asked for, with what is there and what is not; a new one by itself.

    Those come last that end a session.
    """
    with app.app_context():
        there = what_is_there()
    found = []
    for number, rule in enumerate(app.url_map.iter_rules()):
        live = there | {"token": there.get(rule.endpoint, "")}
        found.append(Address(rule, filled(rule, lambda name, live=live: live[name]), True))
        if rule.arguments:
            nonsense = NOT_THERE[number % len(NOT_THERE)]
            found.append(Address(rule, filled(rule, lambda _, it=nonsense: it), False))
    return sorted(found, key=lambda address: (address.path in ENDS, address.path))


def what_is_there() -> dict[str, str]:
    """Return what can stand in an address: by the name of the argument, a secret by its route."""
    link = setup.make_link(by=Actor.operator())
    bob, carol = factories.person("bob"), factories.claimant("carol")
    role = role_definitions.create("auditors", ["audit.view"], by=Actor.operator())
    return {
        "user_id": str(bob.id),
        "session_id": str(factories.session(bob).id),
        "role_id": str(role.id),
        "mail_id": "1",
        "filename": "app.css",
        "auth.reset": factories.reset_link(bob),
        "auth.verify": secret_for(Purpose.VERIFY_EMAIL, str(carol.name)),
        "auth.setup": urlsplit(str(link)).path.rpartition("/")[2],
    }


def filled(rule: Rule, value: Callable[[str], str]) -> str:
    """Return the address with a value for each argument, also one that its converter refuses."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: quote(value(match[1])), rule.rule)


class Sender:
    """Somebody's browser, opened anew for each thing that is sent, with a token that is right."""

    def __init__(self, app: Flask, who: str) -> None:
        self.app, self.numbers = app, iter(range(2**24))
        browser = Browser(app.test_client())
        if who:
            browser.log_in(who, factories.PASSWORD)
        page = browser.get("/account")
        self.token = page.form_with("csrf_token")["fields"]["csrf_token"]
        self.cookies = [(c.key, c.value) for c in browser.client._cookies.values()]

    def client(self) -> FlaskClient:
        client = self.app.test_client()
        for key, value in self.cookies:
            client.set_cookie(key, value)
        return client

    def send(
        self, path: str, method: str, *, client: FlaskClient | None = None, **parts: Any
    ) -> int:
        """Send it, from an address of its own, so that no limit of a place is in the way."""
        number = next(self.numbers)
        place = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        response = (client or self.client()).open(
            path, method=method, environ_overrides={"REMOTE_ADDR": place}, **parts
        )
        assert response.status_code < 500, (path, method, parts, response.status_code)
        return response.status_code


def utf8(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value.encode("utf-8", "replace").decode())
    return sent


@pytest.fixture(params=["", "alice", "root"], ids=lambda who: who or "a stranger")
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def places(app: Flask, who: str) -> list[Address]:
    found = addresses(app)
    with app.app_context():
        if who:
            (factories.administrator if who == "root" else factories.person)(who)
    return found


def test_every_route_takes_what_is_nasty_by_each_of_its_methods(
    app: Flask, places: list[Address], who: str
) -> None:
    sender = Sender(app, who)
    reached = set()
    for number, (rule, path, is_live) in enumerate(places):
        for method in sorted(rule.methods or ()):
            for turn in range(3 if is_live and method == "POST" else 1):
                value = NASTY[(number + turn) % len(NASTY)][:2000]
                query = utf8([(name, value) for name in PARAMETERS])
                answers = utf8([(name, value) for name in FIELDS]) | {"csrf_token": [sender.token]}
                data = answers if method == "POST" else None
                status = sender.send(path, method, query_string=query, data=data)
                reached.add((rule.endpoint, method, status))

    routes = {
        (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods
    }
    assert {(endpoint, method) for endpoint, method, _ in reached} == routes
    if who == "root":  # not a word of it ended at the door, or at somebody who is not there
        staff = {route for route in routes if route[0].startswith("admin.")}
        assert staff <= {route[:2] for route in reached if route[2] in {200, 303, 422}}


def test_nothing_that_is_sent_breaks_a_route(app: Flask, places: list[Address], who: str) -> None:
    sender = Sender(app, who)
    paths = [place.path for place in places] + ["/static/%00", "/nowhere/\u202e"]

    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(
        path=st.sampled_from(paths),
        method=st.sampled_from(["GET", "POST", "POST", "HEAD", "OPTIONS", "PUT"]),
        fields=form,
        raw=st.one_of(st.none(), body),
        content_type=st.sampled_from(TYPES),
        asked=query,
        broken_cookie=cookie,
        honest=st.booleans(),
    )
    @example("/login", "POST", [("identifier", "\0")], None, TYPES[0], [], None, True)
    @example("/register", "POST", [("name", "\ud83d")], None, TYPES[0], [], None, True)
    def send(
        path: str,
        method: str,
        fields: list[tuple[str, str]],
        raw: bytes | None,
        content_type: str,
        asked: list[tuple[str, str]],
        broken_cookie: str | None,
        honest: bool,
    ) -> None:
        client, answers = sender.client(), utf8(fields)
        if honest and path not in ENDS:
            answers["csrf_token"] = [sender.token]
        if broken_cookie is not None:
            for name in ("session", "theme"):
                client.set_cookie(name, broken_cookie.encode("ascii", "ignore").decode())
        sender.send(
            path,
            method,
            client=client,
            query_string=utf8(asked),
            data=raw if raw is not None else answers,
            content_type=content_type if raw is not None else None,
        )

    send()
    assert (sender.send("/account", "GET") == 200) == bool(who), "they were logged in all along"
