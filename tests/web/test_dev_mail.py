"""/dev/mail: where a newcomer reads the mail that a site for development does not send."""

from collections.abc import Callable

from flask import Flask

from app.accounts import mails as letters
from app.accounts.models import User
from app.db import atomic
from tests.browser import Browser
from tests.outbox import Outbox


@atomic
def tell(user: User) -> None:
    letters.password_changed(user)


def test_a_newcomer_finds_the_mail_from_the_log_in_page(
    app: Flask, browser: Browser, alice: User
) -> None:
    with app.app_context():
        tell(alice)

    assert 'href="/dev/mail"' in browser.get("/login").html
    page = browser.get("/dev/mail")
    assert "alice@example.com" in page and "Queued" in page
    assert 'href="http://localhost:5000/password/forgotten"' in page.html


def test_what_was_sent_is_shown_with_its_state(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    with app.app_context():
        tell(alice)
        alice.email = "alice@elsewhere.example"
        tell(alice)
    outbox.run()

    page = browser.get("/dev/mail")
    assert "Sent" in page and "Queued" not in page
    assert page.text.index("alice@elsewhere.example") < page.text.index("alice@example.com")


def test_the_html_of_a_mail_may_do_nothing_but_be_looked_at(
    app: Flask, browser: Browser, outbox: Outbox, alice: User
) -> None:
    with app.app_context():
        tell(alice)

    page = browser.get("/dev/mail/1.html")
    [policy] = page.headers.getlist("Content-Security-Policy")
    assert "default-src 'none'" in policy and "sandbox" in policy and "script" not in policy
    assert page.html == outbox.mails(alice)[0].get_body(("html",)).get_content()
    assert browser.get("/dev/mail/2.html").status == 404


def test_a_mail_that_cannot_be_read_any_more_is_listed(
    app: Flask, browser: Browser, alice: User
) -> None:
    with app.app_context():
        tell(alice)
    app.config["SECRET_KEY"] = "another"

    assert "Its text is gone." in browser.get("/dev/mail")
    assert browser.get("/dev/mail/1.html").status == 404


def test_nobody_reads_mails_in_production(make_app: Callable[..., Flask]) -> None:
    production = make_app(GATEHOUSE_ENV="production", MAIL_SERVER="mail.example.com")
    client = production.test_client()

    assert client.get("/dev/mail").status_code == 404
    assert client.get("/dev/mail/1.html").status_code == 404
    assert "/dev/mail" not in client.get("/login").text


def test_what_a_server_takes_is_not_shown_to_whoever_looks(make_app: Callable[..., Flask]) -> None:
    browser = Browser(make_app(MAIL_SERVER="mail.example.com").test_client())

    assert browser.get("/dev/mail").status == 404
    assert browser.get("/dev/mail/1.html").status == 404
