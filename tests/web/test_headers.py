"""What every answer says to the browser."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.accounts.models import User
from app.web.guards import public
from tests.browser import Browser
from tests.e2e.site import broken
from tests.factories import PASSWORD

pytestmark = pytest.mark.own_site

ADDRESSES = ["/", "/login", "/register", "/nowhere", "/up", "/robots.txt", "/static/app.css"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_is_closed(app: Flask, address: str) -> None:
    headers = app.test_client().get(address).headers

    policy = headers["Content-Security-Policy"]
    for directive in (
        "default-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "script-src 'self'",
    ):
        assert directive in policy
    assert "unsafe" not in policy and "data:" not in policy and "*" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "charset=utf-8" in headers["Content-Type"]
    assert "Python" not in headers.get("Server", "")


@pytest.mark.parametrize("address", ["/", "/login", "/nowhere", "/account", "/up/ready"])
def test_no_page_is_kept_by_any_cache(app: Flask, address: str) -> None:
    assert app.test_client().get(address).headers["Cache-Control"] == "no-store"


def test_a_page_that_read_the_cookie_says_so(app: Flask) -> None:
    assert "Cookie" in app.test_client().get("/login").headers["Vary"]


ALWAYS = {
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
}


@pytest.mark.parametrize(
    ("method", "address", "more", "status"),
    [
        ("GET", "/login", {}, 200),
        ("HEAD", "/login", {}, 200),
        ("OPTIONS", "/login", {}, 200),
        ("GET", "/account", {}, 303),
        ("GET", "/.well-known/change-password", {}, 302),
        ("GET", "/account//password", {}, 308),
        (
            "GET",
            "/static/app.css",
            {"headers": {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}},
            304,
        ),
        ("POST", "/login", {}, 400),
        ("GET", "/login", {"headers": {"Host": "evil.example"}}, 400),
        ("POST", "/login", {"headers": {"Origin": "https://evil.example"}}, 403),
        ("GET", "/static/nowhere.css", {}, 404),
        ("TRACE", "/login", {}, 405),
        ("POST", "/register", {"data": b"x" * 2_000_000}, 413),
        ("GET", "/broken/500", {}, 500),
        ("GET", "/broken/503", {}, 503),
    ],
)
def test_no_kind_of_answer_is_less_closed(
    app: Flask, method: str, address: str, more: dict[str, Any], status: int
) -> None:
    app.config["SESSION_COOKIE_SECURE"] = True
    app.add_url_rule("/broken/<int:code>", "broken", public(broken))

    response = app.test_client().open(address, method=method, **more)

    assert response.status_code == status
    assert set(response.headers.keys()) >= ALWAYS
    for name in ALWAYS:
        assert len(response.headers.getlist(name)) == 1
    assert response.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert address.endswith("app.css") or response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_site_may_read_an_answer(app: Flask, method: str) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-csrftoken",
    }
    for address in ADDRESSES:
        response = app.test_client().open(address, method=method, headers=asked)
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "address",
    [
        "/account/nowhere.css",
        "/account.css",
        "/account;nowhere.css",
        "/account%2fnowhere.css",
        "/account%00.css",
        "/account/password/nowhere.js",
        "/static/nowhere.css",
        "/static/..%2faccount",
        "/static/..%5c..%5cconfig.py",
        "/static/CON",
        "/static/%2e%2e/config.py",
    ],
)
def test_a_private_page_never_passes_for_a_file(
    browser: Browser, alice: User, address: str
) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.get(address)

    assert page.status == 404
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/account", "/login", "/logout", "/nowhere"])
def test_what_a_cookie_decides_varies_with_it(browser: Browser, alice: User, address: str) -> None:
    browser.log_in("alice", PASSWORD)

    response = browser.client.get(address)

    assert "Cookie" in response.headers["Vary"]
    assert response.headers["Cache-Control"] == "no-store"


def test_production_cookies_carry_the_host_prefix(make_app: Callable[..., Flask]) -> None:
    app = make_app(
        SESSION_COOKIE_NAME="__Host-session",
        SESSION_COOKIE_SECURE=True,
        PUBLIC_URL="https://localhost",
    )
    client = app.test_client()
    browser = Browser(client)
    fields = browser.get("https://localhost/register").form_with("name")["fields"]
    answers = {"name": "bob", "email": "bob@example.com", "password": PASSWORD}

    response = client.post("https://localhost/register", data=fields | answers)

    (cookie,) = response.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    assert "Secure" in cookie and "HttpOnly" in cookie
    assert "Path=/" in cookie and "Domain" not in cookie
    assert len(cookie) < 4096
    hsts = response.headers["Strict-Transport-Security"]
    assert hsts == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "xn--", "[", "localhost:x", "a b"]
)
def test_another_host_is_refused(app: Flask, host: str) -> None:
    # Not through the test client, which stumbles over such a host itself.
    environ = EnvironBuilder("/login").get_environ() | {"HTTP_HOST": host}

    body, status, _ = run_wsgi_app(app, environ)

    assert status.startswith("400 ")
    assert host.encode() not in b"".join(body)


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Original-Host", "Forwarded", "X-Host", "X-Forwarded-Server"]
)
def test_a_header_cannot_name_another_host(app: Flask, header: str) -> None:
    response = app.test_client().get("/account", headers={header: "host=evil.example"})

    assert "evil.example" not in response.headers["Location"]
    assert "evil.example" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("declared", "believed"), [(0, "127.0.0.1"), (1, "203.0.113.5"), (2, "198.51.100.1")]
)
def test_the_declared_number_of_proxies_is_believed_and_no_more(
    make_app: Callable[..., Flask], declared: int, believed: str
) -> None:
    app = make_app(PROXIES=declared)
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))

    forwarded = {"X-Forwarded-For": "192.0.2.1, 198.51.100.1, 203.0.113.5"}
    app.test_client().get("/up", headers=forwarded)

    assert seen == [believed]
