"""One line of JSON for each request, and nothing in it that a log must not know."""

import json
import logging
import re
import unicodedata
from collections.abc import Callable
from io import StringIO

import pytest
import sqlalchemy as sa
from flask import Flask, request

from app import clock, crypto
from app.accounts.models import User, UserToken
from app.db import atomic, db
from app.revisions import readiness
from app.web import access_log
from tests.browser import Browser
from tests.factories import PASSWORD

pytestmark = pytest.mark.own_site

Log = Callable[[], list[dict[str, object]]]


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> Flask:
    return make_app(GATEHOUSE_ENV="production")


@pytest.fixture
def log(production: Flask, monkeypatch: pytest.MonkeyPatch) -> Log:
    written = StringIO()
    monkeypatch.setattr(access_log.lines, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_line(production: Flask, log: Log) -> None:
    client = production.test_client()
    answer = client.get("/login?next=/account", environ_overrides={"REMOTE_ADDR": "192.0.2.9"})

    (line,) = log()
    assert line["request_id"] == answer.headers["X-Request-ID"]
    facts = ("method", "path", "status", "user", "address", "message", "level")
    values = ["GET", "/login", 200, None, "192.0.2.9", "request", "INFO"]
    assert [line[name] for name in facts] == values
    assert isinstance(line["ms"], float)
    assert re.match(r"\d{4}-\d\d-\d\dT.*(Z|\+00:00)$", str(line["time"]))


def test_whoever_is_logged_in_is_known_by_their_id(
    production: Flask, log: Log, alice: User
) -> None:
    browser = Browser(production.test_client())
    browser.log_in("alice", PASSWORD)
    browser.get("/account")

    assert log()[-1]["user"] == alice.id


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a\tb", "naïve", "../x", "<script>"])
def test_an_id_that_a_log_could_not_bear_is_replaced(app: Flask, given: str) -> None:
    answer = app.test_client().get("/up", headers={"X-Request-ID": given})

    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_the_id_of_a_proxy_is_kept(app: Flask) -> None:
    given = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = app.test_client().get("/nowhere", headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] == given


def test_nothing_secret_is_written(production: Flask, log: Log) -> None:
    browser, secret = Browser(production.test_client()), crypto.secret()
    browser.submit("/login", identifier="carol@example.com", password="carol's own password")
    browser.submit("/register", name="carol", email="carol@example.com", password="short")
    for path in (f"/verify/{secret}", "/nowhere/carol@example.com", "/login?x=carol%40example.com"):
        browser.get(path)

    written = json.dumps(log())
    assert len(log()) >= 6
    for word in (secret, secret[:35], "carol", "short", "example.com"):
        assert word not in written


def test_a_path_cannot_forge_a_line(production: Flask, log: Log) -> None:
    production.test_client().get('/x%0a{"status": 200}%0d' + "y" * 500)

    (line,) = log()
    assert line["status"] == 404
    assert len(str(line["path"])) <= 200


def test_no_terminal_obeys_a_path(production: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    monkeypatch.setattr(access_log.lines, "stream", written)

    production.test_client().get("/\x9b2J\x85\u2028\u202eé")

    assert written.getvalue().isascii() and written.getvalue().count("\n") == 1
    assert json.loads(written.getvalue())["path"] == "/\x9b2J\x85\u2028\u202eé"


class Mute:
    def __str__(self) -> str:
        raise ValueError("carol@example.com")


LOOP: list[object] = ["carol@example.com"]
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("carol@example.com",), {"loop": LOOP}),
        (("carol@example.com",), {"key": {("carol@example.com", 1): 1}}),
        (("carol@example.com",), {"mute": Mute()}),
        (("carol@example.com", 1), {}),
        ((Mute(),), {}),
    ],
    ids=["loop", "key", "mute", "arguments", "mute argument"],
)
def test_a_record_that_cannot_be_written_says_so_without_what_it_was_given(
    production: Flask,
    log: Log,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    extra: dict[str, object],
) -> None:
    logger = logging.Logger("app.test")
    logger.addHandler(access_log.lines)
    logger.warning("no way for %s", *arguments, extra=extra)

    (line,) = log()
    assert (line["level"], line["logger"]) == ("WARNING", "app.test")
    assert "logs what cannot be written" in str(line["message"])
    assert "carol" not in str(line) + "".join(capfd.readouterr())


def test_what_is_given_with_a_record_changes_nothing_of_its_own(
    production: Flask, log: Log
) -> None:
    logger = logging.Logger("app.test")
    logger.addHandler(access_log.lines)
    logger.error("broken", extra={"level": "DEBUG", "logger": "x", "time": "never", "user": 1})

    (line,) = log()
    facts = [line[name] for name in ("level", "logger", "message", "user")]
    assert facts == ["ERROR", "app.test", "broken", 1]
    assert line["time"] != "never"


def test_what_breaks_is_found_by_the_id(production: Flask, log: Log) -> None:
    production.add_url_rule("/broken", "site.broken", breaks)
    production.view_functions["site.broken"].is_public = True

    answer = production.test_client().get("/broken", headers={"X-Request-ID": "abc"})

    broke, request = log()
    assert answer.status_code == request["status"] == 500
    assert broke["request_id"] == request["request_id"] == "abc"
    assert "ZeroDivisionError" in str(broke["exc_info"])


@pytest.mark.parametrize("shown", ["{}", "{!r}", "{!a}"])
def test_a_traceback_quotes_nothing_secret(production: Flask, log: Log, shown: str) -> None:
    secret, password = crypto.secret(), 'a "déjà vu" that\'s ﬁne'

    def quotes(token: str) -> str:
        try:
            raise LookupError(f"no way from /password/reset/{token} for carol@example.com")
        except LookupError as error:
            error.add_note("she wrote carol%40example.com")
            typed = unicodedata.normalize("NFKC", request.form["password"])
            given = shown.format(request.form["password"])
            raise ValueError(f"{given} or {typed} is none of carol@example.com") from error

    production.config["WTF_CSRF_ENABLED"] = False
    production.add_url_rule("/quotes/<token>", "site.quotes", quotes, methods=["POST"])
    production.view_functions["site.quotes"].is_public = True
    production.test_client().post(f"/quotes/{secret}", data={"password": password})

    broke, _ = log()
    written = json.dumps(broke, ensure_ascii=False)
    for word in (secret, "carol", "déjà", "d\\xe9j", "fine", "ﬁne"):
        assert word not in written
    assert "LookupError: no way from /password/reset/… for …" in str(broke["exc_info"])
    assert re.search(r"ValueError: '?…'? or … is none of …", str(broke["exc_info"]))


def test_a_refused_statement_shows_no_row(each_app: Flask, log: Log) -> None:
    @atomic
    def add_without_purpose() -> None:
        quoted = {"digest": "of.a.secret", "address": "carol@example.com"}
        rest = {"code_tries": 0, "created_at": clock.now(), "purpose": sa.null()}
        db.session.execute(sa.insert(UserToken).values(quoted | rest))

    def refused() -> str:
        add_without_purpose()
        return ""

    each_app.add_url_rule("/refused", "site.refused", refused)
    each_app.view_functions["site.refused"].is_public = True

    assert each_app.test_client().get("/refused").status_code == 500

    (broke,) = log()
    assert "IntegrityError" in str(broke["exc_info"]) and "purpose" in str(broke["exc_info"])
    assert "carol" not in str(broke) and "of.a.secret" not in str(broke)


def breaks() -> str:
    return str(1 / 0)


def test_a_probe_is_logged_only_when_something_is_wrong(
    production: Flask, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = production.test_client()
    for path in ("/up", "/up/ready"):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert log() == []

    monkeypatch.setattr(readiness, "not_ready", lambda: "the database is away")
    client.get("/up/ready")
    client.post("/up")
    assert [(line["path"], line["status"]) for line in log()] == [("/up/ready", 503), ("/up", 405)]


def test_development_writes_no_json(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    app.test_client().get("/login")

    assert caplog.text == ""
