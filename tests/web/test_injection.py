"""What a visitor types is data wherever it turns up: on a page, in SQL, a header, the log."""

from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import User, UserSession
from app.db import db
from tests.browser import Browser
from tests.factories import PASSWORD
from tests.test_routes import everything

# Each is short enough to be somebody's name, and none has an @.
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><svg/onload=alert(1)>",
    '" onfocus=alert(1) autofocus="',
    "</title></style></textarea><b>",
    "<!-- -->",
    "&lt;script&gt;",
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "{{ config }}{% raw %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "%(name)s %s %n {0} {name}",
]
PAGES = ["/", "/account", "/account/password", "/account/appearance", "/logout", "/nowhere"]


class Shape(HTMLParser):
    """The tags of a page with the names of their attributes: what a payload would add to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


def shape(html: str) -> list[tuple[str, list[str]]]:
    return Shape(html).found


def refused(browser: Browser, text: str) -> list[tuple[str, list[str]]]:
    """Send a log-in with this text everywhere; return what its page is built of."""
    page = browser.get("/login", query_string={"next": text})
    page = browser.fill(page, identifier=text, password="not the password")
    assert page.status == 422
    assert (page.value("identifier"), page.value("next")) == (text, text)
    return shape(page.html)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_typed_comes_back_as_text(browser: Browser, payload: str) -> None:
    assert refused(browser, payload) == refused(browser, "harmless")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_name_is_text_on_every_page(
    browser: Browser, another_browser: Browser, payload: str
) -> None:
    browser.sign_up(payload, email="'{{7*7}}%s&#x27;'@example.com".replace(";", ""))
    another_browser.sign_up("bob", email="bob@example.com")

    assert payload in browser.get("/account").text
    for address in PAGES:
        mine, harmless = browser.get(address), another_browser.get(address)
        assert shape(mine.html) == shape(harmless.html), address
    browser.log_out()
    assert browser.log_in(payload, PASSWORD).path == "/account"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_address_a_method_and_a_cookie_are_never_repeated(
    browser: Browser, payload: str
) -> None:
    browser.client.set_cookie("theme", payload.replace(";", ""))
    page = browser.get("/nowhere", query_string={payload: payload}, headers={"Referer": payload})

    assert shape(page.html) == shape(
        Browser(browser.client.application.test_client()).get("/nowhere").html
    )
    assert payload not in page.html


def test_an_identifier_is_never_sql(each_app: Flask) -> None:
    browser = Browser(each_app.test_client())
    browser.sign_up("alice")
    browser.log_out()
    before = everything(each_app)["user"]

    for number, identifier in enumerate(
        [
            "' OR 1=1 --",
            "alice' --",
            'alice" --',
            'alice\'; DROP TABLE "user"; --',
            "alice\\",
            "%",
            "_lice",
            "alic%",
            ":name",
            "%(name)s",
            "?",
        ]
    ):
        thief = Browser(each_app.test_client(), ip=f"192.0.2.{number}")
        page = thief.log_in(identifier, PASSWORD)
        assert page.status == 422
        assert page.value("identifier") == identifier
    assert everything(each_app)["user"] == before


def test_a_quote_in_a_name_is_a_quote_on_each_database(each_app: Flask) -> None:
    for number, name in enumerate(["o'brien", '"q"', "back\\slash", "100%", "a;b--", "`tick`"]):
        browser = Browser(each_app.test_client(), ip=f"192.0.2.{number}")
        assert browser.sign_up(name, email="x@example.com").path == "/account"
        browser.log_out()
        assert browser.log_in(name, PASSWORD).path == "/account"


def test_what_a_browser_calls_itself_is_kept_as_text_and_cut(each_app: Flask) -> None:
    called = '<script>\'; DROP TABLE "user"; --\0\xff{{ 7 * 7 }}' + "x" * 5000
    browser = Browser(each_app.test_client())
    browser.environ |= {"HTTP_USER_AGENT": called}

    assert browser.sign_up("bob").path == "/account"

    with each_app.app_context():
        kept = db.session.scalars(sa.select(UserSession.user_agent)).one()
    assert kept == called.replace("\0", "")[:256]


@pytest.mark.parametrize(
    "address",
    [
        "/account?x=%0d%0aSet-Cookie:%20evil=1",
        "/account?x=%0aSet-Cookie:evil=1&next=%0d%0aX-Evil:1",
        "/login?next=/%0d%0aSet-Cookie:%20evil=1",
        "/account/%0d%0aX-Evil:1",
        "/%E5%98%8A%E5%98%8DSet-Cookie:evil=1",
    ],
)
def test_no_header_is_written_by_an_address(browser: Browser, alice: User, address: str) -> None:
    stranger = Browser(browser.client.application.test_client())
    browser.log_in("alice", PASSWORD)
    for who in (stranger, browser):
        response = who.client.get(address)
        assert "X-Evil" not in response.headers
        assert not any("evil" in cookie for cookie in response.headers.getlist("Set-Cookie"))
        assert not any(set("\r\n") & set(value) for value in response.headers.values())


FORGED = "2026-11-23 12:00:00 ERROR root: everything is well"


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b", "\x1b[2K"])
@pytest.mark.own_site
def test_no_line_of_the_log_is_written_by_a_visitor(
    app: Flask, caplog: pytest.LogCaptureFixture, break_: str
) -> None:
    browser = Browser(app.test_client())
    fields = browser.get("/login").form_with("identifier")["fields"]
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql('ALTER TABLE "user" RENAME COLUMN created_at TO gone')

    response = browser.client.post(
        f"/login?{break_}{FORGED}",
        data=fields | {"identifier": f"x{break_}{FORGED}", "password": f"y{break_}{FORGED}"},
        headers={"User-Agent": "z" + FORGED, "X-Forwarded-For": FORGED},
    )

    assert response.status_code == 500
    assert "no such column" in caplog.text
    assert FORGED not in caplog.text


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_a_file_is_not_an_answer(browser: Browser, field: str) -> None:
    fields = browser.get("/register").form_with("name")["fields"]
    answers = fields | {"name": "bob", "email": "bob@example.com", "password": PASSWORD}
    file = (BytesIO(b"../../etc/passwd"), "../../evil\0.html", "text/html")

    page = browser.post("/register", answers | {field: file}, content_type="multipart/form-data")

    assert page.status == 422
    assert not browser.is_logged_in()


@pytest.mark.parametrize("parts", [199, 300])
def test_a_form_of_very_many_parts_is_refused(make_app: Callable[..., Flask], parts: int) -> None:
    client = make_app().test_client()

    response = client.post(
        "/login",
        data={f"field{number}": "x" for number in range(parts)},
        content_type="multipart/form-data",
    )

    assert response.status_code == (400 if parts < 200 else 413)
