"""A browser for stories: it fills in the form it sees, token included, and holds every page to
the rules of the house. `from tests.browser import Browser` serves your own forms too.
"""

from html.parser import HTMLParser
from typing import Any, Self

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class Parsed(HTMLParser):
    """The forms of a page with their fields, its links, and what a person reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.links: list[list[str]] = []
        self.title = ""
        self._open: list[str] = []
        self._last = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._open.append(tag)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append([given.get("href") or "", ""])
        if tag == "form":
            self.forms.append(
                {"action": given.get("action"), "method": given.get("method", "get"), "fields": {}}
            )
        elif tag in {"input", "select", "textarea"} and self.forms and given.get("name"):
            kind = given.get("type", "text")
            fields = self.forms[-1]["fields"]
            if kind in {"checkbox", "radio"} and "checked" not in given:
                fields.setdefault(given["name"], None)
            else:
                fields[given["name"]] = given.get("value") or ""
                self._last = given["name"]
        elif tag == "option" and "selected" in given:
            self.forms[-1]["fields"][self._last] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.title += data
        elif not {"script", "style"} & set(self._open):
            self.text.append(data)
            if "a" in self._open:
                self.links[-1][1] += data


class Page:
    """What came back: its status, what it reads like, and its forms."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.get_data(as_text=True)
        self.path = response.request.path
        parsed = Parsed(self.html)
        self.forms, self.title = parsed.forms, parsed.title.strip()
        self.ids = parsed.ids
        self.links = [(address, " ".join(words.split())) for address, words in parsed.links]
        self.text = " ".join(" ".join(parsed.text).split())

    def __contains__(self, words: str) -> bool:
        return words in self.text

    def __repr__(self) -> str:
        return f"<{self.status} {self.path}: {self.title}: {self.text[:1500]}>"

    def form_with(self, *names: str) -> dict[str, Any]:
        for form in self.forms:
            if set(names) <= form["fields"].keys():
                return form
        raise AssertionError(f"no form with {names} on {self!r}")

    def value(self, name: str) -> str | None:
        return self.form_with(name)["fields"][name]


class Browser:
    """One person's browser: its cookies, its address, and the headers it sends."""

    def __init__(self, client: FlaskClient, ip: str = "127.0.0.1") -> None:
        self.client = client
        self.environ = {"REMOTE_ADDR": ip}

    def get(self, address: str, **kwargs: Any) -> Page:
        response = self.client.get(
            address, follow_redirects=True, environ_overrides=self.environ, **kwargs
        )
        return self.held_to_the_rules(Page(response))

    def submit(self, address: str, **fields: Any) -> Page:
        """Open the page, fill in the form that has these fields, and send it."""
        return self.fill(self.get(address), **fields)

    def fill(self, page: Page, **fields: Any) -> Page:
        form = page.form_with(*fields)
        answers = {name: value for name, value in form["fields"].items() if value is not None}
        for name, value in fields.items():
            answers.pop(name, None)
            if value is not False:
                answers[name] = "y" if value is True else value
        return self.post(form["action"] or page.path, answers)

    def press(self, address: str, action: str) -> Page:
        """Open the page and press the button whose form goes to `action`."""
        for form in self.get(address).forms:
            if form["action"] == action:
                return self.post(action, form["fields"])
        raise AssertionError(f"no button to {action} on {address}")

    def post(self, address: str, fields: dict[str, Any], **kwargs: Any) -> Page:
        response = self.client.post(
            address,
            data=fields,
            follow_redirects=True,
            environ_overrides=self.environ,
            headers={"Sec-Fetch-Site": "same-origin"} | kwargs.pop("headers", {}),
            **kwargs,
        )
        return self.held_to_the_rules(Page(response))

    def sign_up(self, name: str = "bob", **fields: Any) -> Page:
        answers = {"email": f"{name}@example.com", "password": "correct horse battery staple"}
        return self.submit("/register", name=name, **(answers | fields))

    def log_in(self, identifier: str, password: str, **fields: Any) -> Page:
        return self.submit("/login", identifier=identifier, password=password, **fields)

    def log_out(self) -> Page:
        return self.press("/account", "/logout")

    def is_logged_in(self) -> bool:
        return self.get("/account").path == "/account"

    def with_cookies_of(self, other: Self) -> Self:
        """Steal the other browser's cookies, as they are now."""
        for cookie in list(other.client._cookies.values()):
            self.client.set_cookie(cookie.key, cookie.value)
        return self

    def held_to_the_rules(self, page: Page) -> Page:
        """Every page of every story: no 500, closed headers, no id twice, an honest title."""
        assert page.status < 500, page
        assert page.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert len(page.ids) == len(set(page.ids)), f"an id stands twice: {page.ids}"
        if page.status == 422 and any(form["action"] != "/logout" for form in page.forms):
            assert page.title.startswith("Error: "), page.title
            assert "There is a problem" in page
        return page
