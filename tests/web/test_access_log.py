"""A log of requests knows every address but not the secret in it."""

import io
import logging
import re

import pytest
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler

from app import crypto
from app.web.masking import masked, masked_text


@pytest.mark.parametrize(
    "address",
    ["/verify/{}", "/password/reset/{}", "/login?next=/verify/{}", "/password/reset/{}?x=1"],
)
def test_the_secret_is_masked_wherever_it_stands(address: str) -> None:
    secret = crypto.secret()

    assert masked(address.format(secret)) == address.format("…")
    assert secret[:35] not in masked(address.format(secret[:35]))  # cut off by a mail program


@pytest.mark.parametrize(
    "address", ["/", "/account/sessions/9223372036854775807/end", "/static/app.css", "/a?q=b@c.de"]
)
def test_everything_else_is_legible(address: str) -> None:
    assert masked(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$Rdes/cVE+w9a",
        "scrypt:32768:8:1$salt$0123abc",
        "DETAIL:  Failing row contains (1, a\nsecond line, x).\n",
        "no way for alice@example.com",
        "{'mail':'alice%40example.com'}",
    ],
)
def test_what_an_error_quotes_is_masked_to_its_end(text: str) -> None:
    left = masked_text(text)

    assert "…" in left
    for part in ("Rdes", "w9a", "0123abc", "second line", "alice", "example.com"):
        assert part not in left


def test_what_follows_a_row_stays() -> None:
    assert masked_text("DETAIL:  (a\nb)\n[SQL: SELECT 1]") == "DETAIL: …\n[SQL: SELECT 1]"


def test_a_form_that_nobody_has_read_is_not_waited_for(app: Flask) -> None:
    class Slow(io.BytesIO):
        def read(self, *size: int) -> bytes:
            raise AssertionError("the log waits for the network")

        readinto = readline = read

    form = {"wsgi.input": Slow(), "CONTENT_LENGTH": "1000"}
    form["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    with app.test_request_context("/nowhere", method="POST", environ_overrides=form):
        assert masked_text("request") == "request"


def test_of_two_passwords_that_begin_alike_nothing_is_left(app: Flask) -> None:
    form = {"password": "correct horse", "password_again": "correct horse battery"}
    with app.test_request_context("/", method="POST", data=form):
        assert request.form
        assert masked_text("not 'correct horse battery'") == "not '…'"


def test_every_address_that_takes_a_token_is_kept_from_the_log_and_from_other_pages(
    app: Flask,
) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if "token" in rule.arguments]

    assert len(rules) >= 2
    for rule in rules:
        secret = crypto.secret()
        path = re.sub("<.*>", secret, rule.rule)
        assert secret not in masked(path)
        response = app.test_client().get(path)
        assert response.headers["Referrer-Policy"] == "no-referrer", rule


def test_the_development_server_masks_its_lines(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = crypto.secret()
    handler = WSGIRequestHandler.__new__(WSGIRequestHandler)
    handler.client_address = ("127.0.0.1", 5000)
    handler.path, handler.command = f"/verify/{secret}", "GET"
    handler.request_version, handler.requestline = "HTTP/1.1", f"GET /verify/{secret} HTTP/1.1"

    handler.log_request(200, 10)

    assert '"GET /verify/… HTTP/1.1" 200' in caplog.text
    assert secret not in caplog.text
