"""Light, dark, or as the system says."""

from collections.abc import Callable

import pytest
from flask import Flask, Response

from app.accounts.models import User
from app.web import theme
from tests.browser import Browser
from tests.factories import PASSWORD


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_are_in_the_page_from_the_first_byte(
    browser: Browser, alice: User, theme: str
) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.submit("/account/appearance", theme=theme)

    assert "Colours saved for this browser." in page
    assert f'data-theme="{theme}"' in page.html
    browser.log_out()
    assert f'data-theme="{theme}"' in browser.get("/").html


def test_the_system_decides_until_somebody_does(browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.get("/account/appearance")

    assert page.value("theme") == "system"
    assert 'data-theme="light"' not in page.html and 'data-theme="dark"' not in page.html


@pytest.mark.parametrize("theme", ["purple", "", "<script>"])
def test_another_colour_is_refused(browser: Browser, alice: User, theme: str) -> None:
    browser.log_in("alice", PASSWORD)

    page = browser.submit("/account/appearance", theme=theme)

    assert page.status == 422
    assert page.text.count("Choose one of these.") == 2


def test_a_cookie_of_somebody_else_s_making_is_ignored(browser: Browser) -> None:
    browser.client.set_cookie("theme", '"><script>')

    page = browser.get("/")

    assert "script>alert" not in page.html and 'data-theme="&' not in page.html


@pytest.mark.parametrize(("secure", "name"), [(False, "theme"), (True, "__Host-theme")])
def test_its_cookie_is_as_closed_as_the_one_of_the_session(
    make_app: Callable[..., Flask], secure: bool, name: str
) -> None:
    response = Response()
    with make_app(SESSION_COOKIE_SECURE=secure).app_context():
        theme.remember(response, "dark")

    (cookie,) = response.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{name}=dark; ")
    assert ("Secure" in cookie) is secure
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "Path=/" in cookie and "Domain" not in cookie
