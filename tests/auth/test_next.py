"""After the log-in to the page that was asked for, and never to another site."""

import re
from urllib.parse import unquote

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from app.accounts.models import User
from app.web.login_flow import is_local
from tests.auth.test_login import ELSEWHERE
from tests.browser import Browser
from tests.factories import PASSWORD


def stays(address: str) -> bool:
    """Whether a browser stays, by its own rules (WHATWG URL, basic URL parser), not by ours.

    It trims controls and spaces, drops tabs and line breaks, and reads a backslash as a slash.
    """
    address = address.strip("".join(map(chr, range(33))))
    address = re.sub(r"[\t\n\r]", "", address).replace("\\", "/")
    return not address.startswith("//") and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", address)


SIGNS = "/\\:@?#.%[] \t\n\r\0\x0b\x1f\x7f\u3002\uff0f\u2044\u2028\xa0\ufeff\u202e"
WORDS = ["//", "https", "javascript", "evil.example", "localhost", "%2f", "%5c", "%09"]
pieces = st.sampled_from([*SIGNS, *WORDS])


@given(st.lists(pieces, max_size=8).map("".join))
@example("/\t/evil.example")
@example("/\\evil.example")
@example("/%2F/evil.example")
def test_what_is_called_local_is_so_to_a_browser(address: str) -> None:
    if is_local(address):
        assert stays(address)
        assert address.startswith("/")
        assert len(address) <= 512


@pytest.mark.parametrize("address", ["/account/password", "/account?q=1&r=/x", "/a%20b", "/ä"])
def test_what_is_ours_is_called_so(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_somebody_logged_in_is_not_led_away_either(
    browser: Browser, alice: User, elsewhere: str
) -> None:
    browser.log_in("alice", PASSWORD)

    response = browser.client.get("/login", query_string={"next": elsewhere})

    assert (response.status_code, response.location) == (303, "/account")


@pytest.mark.parametrize("header", ["Referer", "Origin", "X-Forwarded-Prefix", "X-Original-URL"])
def test_no_header_says_where_to_go(browser: Browser, alice: User, header: str) -> None:
    response = browser.client.get("/account", headers={header: "//evil.example"})
    assert response.location == "/login?next=/account"

    fields = browser.get("/login").form_with("identifier")["fields"]
    answers = fields | {"identifier": "alice", "password": PASSWORD}
    sent = {header: "//evil.example", "Sec-Fetch-Site": "same-origin"}
    assert browser.client.post("/login", data=answers, headers=sent).location == "/account"


@pytest.mark.parametrize("length", [600, 100_000])
def test_a_long_address_is_not_repeated_in_a_header(app: Flask, length: int) -> None:
    response = app.test_client().get("/account?q=" + "a" * length)

    assert response.location == "/login"


def test_what_was_asked_for_comes_back_whole(browser: Browser, alice: User) -> None:
    page = browser.get("/account?a=1&next=//evil.example&b=%0d%0a")
    assert unquote(page.value("next") or "") == "/account?a=1&next=//evil.example&b=\r\n"

    page = browser.fill(page, identifier="alice", password=PASSWORD)

    assert page.path == "/account"
