"""What the site asks of people, and what it offers them, on every page there is."""

import re

from flask import Flask

from app.accounts.models import User
from app.web.guards import is_public
from tests.browser import Browser
from tests.factories import PASSWORD

# A hint, a secret question or a second password to remember would have to be added here.
ASKED = {
    "/login": {"identifier", "password", "remember", "next"},
    "/register": {"name", "email", "password"},
    "/password/forgotten": {"email"},
    "/account/password": {"current_password", "password"},
    "/account/appearance": {"theme"},
}


def pages(app: Flask, *, private: bool) -> list[str]:
    with app.test_request_context():
        return [
            rule.rule
            for rule in app.url_map.iter_rules()
            if not rule.arguments
            and not rule.rule.startswith("/dev/")
            and is_public(rule.endpoint) is not private
        ]


def test_people_are_asked_for_this_and_nothing_more(
    app: Flask, browser: Browser, alice: User
) -> None:
    asked: dict[str, set[str]] = {}
    browser.log_in("alice", PASSWORD)
    stranger = Browser(app.test_client())
    for who, private in ((stranger, False), (browser, True)):
        for address in pages(app, private=private):
            page = who.get(address)
            for form in page.forms:
                asked.setdefault(page.path, set()).update(form["fields"].keys() - {"csrf_token"})

    assert {address: names for address, names in asked.items() if names} == ASKED


def test_every_private_page_has_the_button_that_logs_out(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)

    private = pages(app, private=True)
    assert len(private) >= 3
    for address in private:
        forms = browser.get(address).forms
        assert ("/logout", "post") in [(form["action"], form["method"]) for form in forms], address


def test_a_password_is_hidden_unfilled_and_of_any_length(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)
    stranger = Browser(app.test_client())
    inputs = [
        tag
        for who, address in (
            (stranger, "/login"),
            (stranger, "/register"),
            (browser, "/account/password"),
        )
        for tag in re.findall(r'<input[^>]*name="\w*password"[^>]*>', who.get(address).html)
    ]

    assert len(inputs) == 4
    for tag in inputs:
        assert 'type="password"' in tag
        assert not re.search(r"\b(?:value|maxlength|pattern|readonly|on\w+)=", tag), tag
        assert re.search(r'autocomplete="(?:current|new)-password"', tag), tag


def test_every_kind_of_field_says_that_it_was_refused(browser: Browser) -> None:
    html = browser.get("/dev/components").html
    fields = re.findall(r'<(?:input|select)[^>]*name="(?:plain|refused)-\w+"[^>]*>', html)
    seen = [tag for tag in fields if 'type="hidden"' not in tag]

    assert {re.sub(r'.*type="(\w+)".*|<(select) .*', r"\1\2", tag, flags=re.S) for tag in seen} == {
        *("text", "email", "password", "checkbox", "radio", "select")
    }
    for tag in seen:
        assert ('name="refused-' in tag) == ('aria-invalid="true"' in tag), tag
