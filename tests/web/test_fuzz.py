"""Nothing that can be sent causes a 500, at any route of the URL map."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.accounts.models import User
from tests.browser import Browser
from tests.factories import PASSWORD

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
    "name",
    "email",
    "password",
    "identifier",
    "current_password",
    "remember",
    "next",
    "theme",
    "csrf_token",
    "name[]",
    "password[0]",
]
TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json",
    "text/plain; charset=utf-16",
    "",
]

text = st.one_of(st.sampled_from(NASTY), st.text(max_size=60))
form = st.lists(st.tuples(st.sampled_from(FIELDS), text), max_size=8)
cookie = st.one_of(
    st.none(), st.sampled_from(["", "x", "a.b.c", "." * 4000, "é"]), st.text(max_size=40)
)
body = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b'"x"', b"1", b"[null,null]", b"[" * 20_000, b"--x\r\n\r\n", b"a=%ff%fe&a=1"]),
)


def addresses(app: Flask) -> list[str]:
    """Every route that can be asked for; a new one is here by itself."""
    found = [rule.rule for rule in app.url_map.iter_rules() if not rule.arguments]
    return [*sorted(set(found)), "/static/app.css", "/static/%00", "/nowhere/\u202e"]


def without_the_limit_per_address(client: FlaskClient, number: int) -> dict[str, str]:
    return {"REMOTE_ADDR": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


@pytest.mark.parametrize("logged_in", [False, True])
def test_nothing_that_is_sent_breaks_a_route(
    app: Flask, alice: User, make_app: Callable[..., Flask], logged_in: bool
) -> None:
    browser = Browser(app.test_client())
    if logged_in:
        browser.log_in("alice", PASSWORD)
    kept = [(c.key, c.value) for c in browser.client._cookies.values()]

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(
        address=st.sampled_from(addresses(app)),
        method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT"]),
        fields=form,
        raw=st.one_of(st.none(), body),
        content_type=st.sampled_from(TYPES),
        query=text,
        broken_cookie=cookie,
        honest=st.booleans(),
        number=st.integers(0, 2**24 - 1),
    )
    @example(
        "/login",
        "POST",
        [("identifier", "\0"), ("password", "\0")],
        None,
        TYPES[0],
        "",
        None,
        True,
        1,
    )
    @example("/register", "POST", [("name", "\ud83d")], None, TYPES[0], "", None, True, 2)
    def send(
        address: str,
        method: str,
        fields: list[tuple[str, str]],
        raw: bytes | None,
        content_type: str,
        query: str,
        broken_cookie: str | None,
        honest: bool,
        number: int,
    ) -> None:
        client = app.test_client()
        for key, value in kept:
            client.set_cookie(key, value)
        answers: dict[str, list[str]] = {}
        for name, value in fields:
            answers.setdefault(name, []).append(value.encode("utf-8", "replace").decode())
        if honest and not address.startswith("/static"):
            page = Browser(client).get(address) if method == "POST" else None
            tokens = [f["fields"].get("csrf_token") for f in page.forms] if page else []
            answers["csrf_token"] = [token for token in tokens if token][:1]
        if broken_cookie is not None:
            client.set_cookie("session", broken_cookie.encode("ascii", "ignore").decode())
            client.set_cookie("theme", broken_cookie.encode("ascii", "ignore").decode())
        response = client.open(
            address,
            method=method,
            query_string={"next": query.encode("utf-8", "replace").decode()},
            data=raw if raw is not None else answers,
            content_type=content_type if raw is not None else None,
            environ_overrides=without_the_limit_per_address(client, number),
        )
        assert response.status_code < 500, (address, method, response.status_code)

    send()
