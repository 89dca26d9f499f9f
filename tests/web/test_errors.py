"""Every refusal is a page, for strangers and for people who are logged in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask, abort, request
from sqlalchemy.exc import OperationalError

from app import clock
from app.accounts import sessions
from app.accounts.errors import Refusal
from app.accounts.models import User
from app.db import Busy, db
from app.throttle import Exceeded
from app.web.errors import PAGES
from tests.browser import Browser
from tests.factories import PASSWORD

pytestmark = pytest.mark.own_site


class No(Refusal):
    message = "That is not how it works."


def test_each_code_has_its_page_for_everybody(app: Flask, alice: User) -> None:
    app.add_url_rule("/abort/<int:code>", "give_up", abort)
    stranger, known = Browser(app.test_client()), Browser(app.test_client())
    known.log_in("alice", PASSWORD)
    app.view_functions["give_up"].is_public = True

    for code in (400, 403, 404, 405, 413, 422, 429):
        for browser in (stranger, known):
            page = browser.get(f"/abort/{code}")
            assert page.status == code
            assert str(PAGES[code][0]) in page.text
            assert str(PAGES[code][0]) in page.title
        assert "alice" in page  # the one who is logged in still is


def test_an_unknown_code_borrows_the_nearest_words(app: Flask) -> None:
    app.add_url_rule("/teapot", "teapot", lambda: abort(418))
    app.view_functions["teapot"].is_public = True

    response = app.test_client().get("/teapot")

    assert response.status_code == 418
    assert str(PAGES[400][0]) in response.get_data(as_text=True)


def break_down(*_: object) -> str:
    raise ZeroDivisionError("secret detail")


def break_while_refusing() -> str:
    raise No


@pytest.mark.parametrize("view", [break_down, break_while_refusing, lambda: abort(500)])
@pytest.mark.parametrize("logged_in", [False, True])
def test_what_breaks_says_a_reference_and_nothing_else(
    app: Flask,
    alice: User,
    caplog: pytest.LogCaptureFixture,
    view: Callable[[], str],
    logged_in: bool,
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(No, break_down)
    app.add_url_rule("/broken", "broken", view)
    app.view_functions["broken"].is_public = True
    browser = Browser(app.test_client())
    if logged_in:
        browser.log_in("alice", PASSWORD)

    response = browser.client.get("/broken")

    html = response.get_data(as_text=True)
    assert response.status_code == 500
    assert "secret detail" not in html and "ZeroDivisionError" not in html
    reference = caplog.records[-1].getMessage().removeprefix("reference ")
    assert len(reference) == 8 and reference in html


@pytest.mark.parametrize(
    "error", [Busy(), OperationalError("select 1", {}, Exception("server gone"))]
)
def test_a_database_that_is_away_is_a_503_with_a_time(app: Flask, error: Exception) -> None:
    def wait() -> str:
        raise error

    app.add_url_rule("/away", "away", wait)
    app.view_functions["away"].is_public = True

    response = app.test_client().get("/away")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "select 1" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO role (id) VALUES (4283)", "SELECT nowhere FROM role"],
    ids=["lacks a required column", "asks for a column that is not there"],
)
def test_a_fault_in_a_statement_is_a_500_on_every_engine(each_app: Flask, statement: str) -> None:
    def fail() -> str:
        with db.engine.begin() as connection:
            connection.execute(sa.text(statement))
        return ""

    each_app.add_url_rule("/fault", "fault", fail)
    each_app.view_functions["fault"].is_public = True

    response = each_app.test_client().get("/fault")

    assert response.status_code == 500
    assert "Retry-After" not in response.headers


def test_a_refusal_that_no_form_caught_is_said_in_its_own_words(app: Flask) -> None:
    def refuse() -> str:
        raise No

    app.add_url_rule("/no", "no", refuse)
    app.view_functions["no"].is_public = True

    response = app.test_client().get("/no")

    assert response.status_code == 422
    assert "That is not how it works." in response.get_data(as_text=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_on_looking_is_a_429_with_a_time(app: Flask, method: str) -> None:
    def too_often() -> str:
        raise Exceeded(clock.now() + timedelta(minutes=2))

    app.config["WTF_CSRF_ENABLED"] = False
    app.add_url_rule("/often", "often", too_often, methods=["GET", "POST"])
    app.view_functions["often"].is_public = True

    response = app.test_client().open("/often", method=method)

    assert response.status_code == 429
    assert 110 <= int(response.headers["Retry-After"]) <= 120
    assert "Try again in 2 minutes." in response.text


def test_a_form_that_is_refused_when_it_is_shown_again_is_a_page(app: Flask) -> None:
    def once() -> str:
        raise No if request.method == "GET" else Exceeded(clock.now())

    app.config["WTF_CSRF_ENABLED"] = False
    app.add_url_rule("/once", "once", once, methods=["GET", "POST"])
    app.view_functions["once"].is_public = True

    response = app.test_client().post("/once")

    assert response.status_code == 429
    assert str(PAGES[429][0]) in response.text


def test_a_body_over_a_megabyte_is_refused(app: Flask) -> None:
    client = app.test_client()

    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = client.post("/login", data=b"a" * 1_100_000, content_type=content_type)
        assert response.status_code == 413
        assert "Send less than 1 MB" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("row_id", "status"),
    [("1", 200), (str(2**63 - 1), 200), (str(2**63), 404), ("9" * 40, 404), ("0", 404), ("x", 404)],
)
def test_an_id_beyond_the_column_is_a_404(app: Flask, row_id: str, status: int) -> None:
    def row(row_id: int) -> str:
        return f"row {row_id}"

    app.add_url_rule("/row/<row_id:row_id>", "row", row)
    row.is_public = True

    assert app.test_client().get(f"/row/{row_id}").status_code == status


def test_debug_is_off_and_nothing_lies_about(app: Flask) -> None:
    client = app.test_client()

    assert not app.debug
    for address in (
        "/.git/config",
        "/.env",
        "/static/",
        "/static/../config.py",
        "/console",
        "/docs",
    ):
        assert client.get(address).status_code in {400, 404}


def test_without_a_database_every_refusal_is_still_a_page(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app.test_client())
    browser.log_in("alice", PASSWORD)
    kept = browser.client
    gone = OperationalError("select 1", {}, Exception("server gone"))

    def refuse(secret: str) -> None:
        raise gone

    monkeypatch.setattr(sessions, "resume", refuse)
    for answer, status in [
        (kept.get("/nope"), 404),
        (kept.get("/static/nope"), 404),
        (kept.put("/login"), 405),
        (kept.post("/login"), 400),
        (kept.post("/login", data={"x": "x" * 1_100_000}), 413),
        (kept.get("/account"), 503),
        (kept.get("/"), 503),
    ]:
        assert answer.status_code in {status, 503}, answer.request.path
        assert "default-src" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<h1>" in answer.text
