"""/.well-known/security.txt: whom to tell of a hole (RFC 9116)."""

from collections.abc import Callable

import pytest
from flask import Flask

import config
from tests.test_config import GOOD

SET = {"SECURITY_CONTACT": "mailto:security@example.com", "SECURITY_EXPIRES": "2027-12-31"}


def test_it_says_what_was_configured(make_app: Callable[..., Flask]) -> None:
    app = make_app(**{name: config.load(GOOD | SET)[name] for name in SET})

    response = app.test_client().get("/.well-known/security.txt")

    assert response.content_type == "text/plain; charset=utf-8"
    assert response.get_data(as_text=True).splitlines() == [
        "Contact: mailto:security@example.com",
        "Expires: 2027-12-31T00:00:00Z",
        "Preferred-Languages: en",
        "Canonical: http://localhost:5000/.well-known/security.txt",
    ]


def test_without_a_contact_it_is_not_there(app: Flask) -> None:
    assert app.test_client().get("/.well-known/security.txt").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECURITY_CONTACT": "security@example.com"},
        {"SECURITY_CONTACT": "mailto:a@example.com\nContact: mailto:b@example.com"},
        {"SECURITY_CONTACT": "http://example.com"},
        {"SECURITY_CONTACT": ""},
        {"SECURITY_EXPIRES": "soon"},
        {"SECURITY_EXPIRES": ""},
    ],
)
def test_what_the_standard_does_not_take_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(config.ConfigError, match=r"SECURITY_(CONTACT|EXPIRES)"):
        config.load(GOOD | SET | wrong)
