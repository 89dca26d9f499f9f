"""Every word that a person can see goes through gettext.

The site is shown in a language that puts each message into brackets; what stands outside of them
was never handed to a translator.
"""

import re
from html.parser import HTMLParser

import flask_babel
import pytest
from flask import Flask

from app.accounts import registration
from app.accounts.models import User
from app.audit import Actor
from app.web.guards import public
from tests import factories
from tests.browser import Browser
from tests.e2e.site import broken

pytestmark = pytest.mark.own_site

OPENED, CLOSED = "⟦", "⟧"
INNERMOST = re.compile(rf"{OPENED}[^{OPENED}{CLOSED}]*{CLOSED}")
# Names and data are nobody's to translate, and times are in the words of Babel.
# The longest first.
DATA = ("alice@example.com", "alice", "bob@example.com", "bob", "Gatehouse")
DATA += ("administrator", "support")
# Those with nobody in their address are among all pages; here they are shown to somebody.
STAFF_PAGES = ["/admin", "/admin/users", "/admin/audit", "/admin/mail", "/admin/roles"]
STAFF_PAGES += ["/admin/system"]
STAFF_PAGES += ["/admin/users?q=nobody", "/admin/audit?who=nobody&since=x&ip=x"]
STAFF_PAGES += ["/admin/users/new", "/admin/users/2", "/admin/roles/new", "/admin/roles/2"]
STAFF_PAGES += ["/admin/roles/2/deletion"] + [
    f"/admin/users/2/{act}"
    for act in ("deactivation", "reactivation", "address", "reset-link", "roles", "session-end")
]
SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "content"}
SILENT = {"script", "style", "time", "code"}
# For the developer alone, in the developer's language.
NOT_TRANSLATED = {"dev.components"}
TEXT_FOR_MACHINES = {"site.up", "site.ready", "site.robots", "static"}
NEVER_SAID = re.compile(r"(?i)\b(?:please|sorry|(?:in)?valid|oops|forbidden)\b")
CODES = (400, 403, 404, 405, 413, 422, 429, 500, 503)
# An empty form, and one that only a program would send.
FORMS: list[dict[str, str]] = [
    {},
    {"theme": "purple", "name": "a@b", "email": "@", "password": "x"},
]


class Bracketed:
    """A language in which each message is itself, in brackets."""

    def ugettext(self, message: str) -> str:
        return f"{OPENED}{message}{CLOSED}"

    def ungettext(self, one: str, many: str, number: int) -> str:
        return self.ugettext(one if number == 1 else many)

    def upgettext(self, context: str, message: str) -> str:
        return self.ugettext(message)

    gettext, ngettext, pgettext = ugettext, ungettext, upgettext


class Words(HTMLParser):
    """Everything on a page that is read or spoken."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if tag == "meta":  # its content is for browsers, as long as it is none of these
            attrs = [pair for pair in attrs if dict(attrs).get("name") == "description"]
        for name, value in attrs:
            spoken = name in SPOKEN or (name.startswith("data-") and " " in (value or ""))
            if value and spoken and tag not in SILENT:
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))


def untranslated(html: str) -> list[str]:
    """Return what is read on a page outside of any message."""
    return [text for text in Words(html).found if re.search(r"[^\W\d_]", outside(text))]


def outside(text: str) -> str:
    while INNERMOST.search(text):
        text = INNERMOST.sub("", text)
    for word in DATA:
        text = text.replace(word, "")
    return text


@pytest.fixture
def app(app: Flask) -> Flask:
    """The site, with a page for every error."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken/<int:code>", "broken", public(broken))
    return app


@pytest.fixture
def foreign(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The site in brackets."""
    monkeypatch.setattr(flask_babel.Domain, "get_translations", lambda self: Bracketed())
    return app


def pages(app: Flask) -> list[str]:
    """Return the address of each page."""
    silent = NOT_TRANSLATED | TEXT_FOR_MACHINES | {"broken"}
    return [rule.rule for rule in app.url_map.iter_rules() if rule.endpoint not in silent]


def shown(app: Flask, browser: Browser) -> dict[str, str]:
    """Return every page: asked for, sent back empty, sent back wrong; and every error."""
    app.config["WTF_CSRF_ENABLED"] = False
    answers = {f"/broken/{code}": browser.client.get(f"/broken/{code}") for code in CODES}
    assert [answer.status_code for answer in answers.values()] == list(CODES)
    for address in pages(app):
        answers[f"GET {address}"] = browser.client.get(address, follow_redirects=True)
    for form in FORMS:
        for address in pages(app):
            if address != "/logout":
                sent = browser.client.post(address, data=form, follow_redirects=True)
                answers[f"POST {address} {form}"] = sent
    return {name: answer.text for name, answer in answers.items()}


def test_every_word_for_a_stranger_can_be_translated(foreign: Flask, browser: Browser) -> None:
    assert all_untranslated(shown(foreign, browser)) == {}


def test_every_word_for_a_person_can_be_translated(
    foreign: Flask, browser: Browser, alice: User
) -> None:
    foreign.config["WTF_CSRF_ENABLED"] = False
    browser.client.post("/login", data={"identifier": "alice", "password": factories.PASSWORD})
    assert "alice" in browser.client.get("/account").text
    assert all_untranslated(shown(foreign, browser)) == {}


def shown_to_staff(app: Flask, browser: Browser) -> dict[str, str]:
    """Return every page of the staff's, asked for and sent back empty, about somebody."""
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        factories.administrator("alice")
        bob = ("bob", "bob@example.com", factories.PASSWORD)
        registration.register(*bob, by=Actor.visitor("192.0.2.1"))
    browser.client.post("/login", data={"identifier": "alice", "password": factories.PASSWORD})
    answers = {address: browser.client.get(address) for address in STAFF_PAGES}
    for address in STAFF_PAGES:
        sent = browser.client.post(address, data={}, follow_redirects=True)
        answers[f"POST {address}"] = sent

    assert {answer.status_code for answer in answers.values()} <= {200, 405, 422}
    return {name: answer.text for name, answer in answers.items()}


def test_every_word_for_staff_can_be_translated(foreign: Flask, browser: Browser) -> None:
    assert all_untranslated(shown_to_staff(foreign, browser)) == {}


def test_no_page_begs_blames_or_speaks_of_validity(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", factories.PASSWORD)
    assert never_to_be_said(shown(app, Browser(app.test_client()))) == set()
    assert never_to_be_said(shown(app, browser)) == set()


def test_no_page_of_the_staff_begs_blames_or_speaks_of_validity(
    app: Flask, browser: Browser
) -> None:
    assert never_to_be_said(shown_to_staff(app, browser)) == set()


def never_to_be_said(answers: dict[str, str]) -> set[str]:
    return {
        word
        for page in answers.values()
        for text in Words(page).found
        for word in NEVER_SAID.findall(text)
    }


def all_untranslated(answers: dict[str, str]) -> dict[str, list[str]]:
    found = {name: untranslated(html) for name, html in answers.items()}
    return {name: texts for name, texts in found.items() if texts}


def test_a_word_that_was_never_translated_is_found() -> None:
    assert untranslated("<p>⟦Hello ⟦dear⟧ you⟧ alice</p><time>3 hours ago</time>") == []
    assert untranslated("<title>⟦Log in⟧ of Gatehouse</title>") == ["⟦Log in⟧ of Gatehouse"]
    assert untranslated('<a aria-label="Menu">⟦Menu⟧</a>') == ["Menu"]
    assert untranslated('<b data-shown="It is shown"></b>') == ["It is shown"]
