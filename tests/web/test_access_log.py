"""A log of requests knows every address but not the secret in it."""

import logging
import re

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler

from app import crypto
from app.web.masking import masked


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
