"""Confirming an address: a link whose page has a button, or the code from the same mail."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts.models import User, UserToken
from app.db import db
from tests.browser import Browser, Page
from tests.outbox import Outbox, html_of, text_of

EXPIRED = "This link has expired or was used before."
BOB = "bob@example.com"


def person(app: Flask, name: str) -> User:
    with app.app_context():
        return db.session.scalars(sa.select(User).where(User.name == name)).one()


def test_bob_confirms_his_address_with_the_link(
    app: Flask, browser: Browser, outbox: Outbox
) -> None:
    assert "bob@example.com is not confirmed yet." in browser.sign_up("bob")
    link = outbox.link_to(BOB)

    asked = browser.get(link)
    page = browser.press(link, link)

    assert "The account “bob” gave bob@example.com as its own." in asked
    assert page.path == "/account"
    assert "Your email address is confirmed." in page
    assert "not confirmed yet" not in page
    bob = person(app, "bob")
    assert (bob.email, bob.email_key, bob.pending_email, bob.claimed_at) == (BOB, BOB, None, None)


def test_elsewhere_the_link_confirms_and_logs_nobody_in(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob")
    link = outbox.link_to(BOB)

    page = another_browser.press(link, link)

    assert page.path == "/login"
    assert "You can log in with it now." in page
    assert not another_browser.is_logged_in()
    assert another_browser.log_in(BOB, "correct horse battery staple").path == "/account"


def test_head_and_get_of_the_link_change_nothing(
    app: Flask, browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob")
    link = outbox.link_to(BOB)

    for _ in range(3):
        assert app.test_client().head(link).status_code == 200
        assert app.test_client().get(link).status_code == 200

    assert person(app, "bob").email is None
    assert "Your email address is confirmed." in browser.press(link, link)


def test_bob_types_the_code_instead(app: Flask, browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")
    link, code = outbox.link_to(BOB), outbox.code_to(BOB)
    typed = f" {code[:4].lower()} {code[5:7]} – {code[7:]}"

    page = browser.submit("/verify", code=typed)

    assert "Your email address is confirmed." in page
    assert person(app, "bob").email == BOB
    assert EXPIRED in browser.get(link)


@pytest.mark.parametrize("typed", ["", "A", "BCDF-GHJK-L", "AEIO-UAEI", "\0" * 8, "Ω" * 5000])
def test_what_is_no_code_is_refused_beside_the_field_and_costs_no_try(
    browser: Browser, outbox: Outbox, typed: str
) -> None:
    browser.sign_up("bob")

    for _ in range(6):
        page = browser.submit("/verify", code=typed)
        assert page.status == 422
        assert "This is not the code from the newest mail." in page
    assert browser.submit("/verify", code=outbox.code_to(BOB)).path == "/account"


def test_after_five_wrong_codes_the_code_is_dead_and_the_link_is_not(
    browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob")
    link, code = outbox.link_to(BOB), outbox.code_to(BOB)
    wrong = "BBBB-BBBB" if code != "BBBB-BBBB" else "CCCC-CCCC"

    for _ in range(5):
        assert "This is not the code" in browser.submit("/verify", code=wrong)
    page = browser.submit("/verify", code=code)

    assert page.status == 422
    assert "This code does not work any more." in page
    assert "Your email address is confirmed." in browser.press(link, link)


def test_guesses_of_codes_count_against_the_address_they_come_from(
    app: Flask, outbox: Outbox
) -> None:
    pages = []
    for number in range(4):
        browser = Browser(app.test_client())
        browser.sign_up(f"bob{number}")
        pages += guesses(browser, rounds=2)

    assert [page.status for page in pages] == [422] * 30 + [429] * 10


def test_another_mail_brings_no_more_guesses_from_wherever_they_come(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob")
    another_browser.log_in("bob", "correct horse battery staple")

    pages = guesses(browser, rounds=2) + guesses(another_browser, rounds=1)
    code = outbox.code_to(BOB)

    assert [page.status for page in pages] == [422] * 10 + [429] * 5
    assert browser.submit("/verify", code=code).status == 429
    assert person(app, "bob").email is None


def guesses(browser: Browser, *, rounds: int) -> list[Page]:
    """Use up the tries of one mail after the other."""
    pages = []
    for _ in range(rounds):
        pages += [browser.submit("/verify", code="BBBB-BBBB") for _ in range(5)]
        browser.press("/account/email", "/account/email/send-again")
    return pages


def test_a_code_is_good_for_nobody_else(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob")
    another_browser.sign_up("mallory", email="victim@example.com")

    page = another_browser.submit("/verify", code=outbox.code_to(BOB))

    assert "This is not the code" in page
    assert person(app, "mallory").email is None
    assert person(app, "bob").email is None


def test_whoever_has_no_claim_has_no_code_to_type(browser: Browser, alice: User) -> None:
    browser.log_in("alice", "correct horse battery staple")

    assert browser.get("/verify").path == "/account/email"


def test_a_stranger_logs_in_before_typing_a_code(browser: Browser) -> None:
    assert browser.get("/verify").path == "/login"


def test_the_link_works_once(browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")
    link = outbox.link_to(BOB)
    form = browser.get(link).form_with("csrf_token")["fields"]
    browser.post(link, form)

    assert EXPIRED in browser.post(link, form)
    assert EXPIRED in browser.get(link)


def test_the_link_and_the_code_work_for_three_days(browser: Browser, outbox: Outbox) -> None:
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as now:
        browser.sign_up("bob")
        link, code = outbox.link_to(BOB), outbox.code_to(BOB)
        now.shift(timedelta(days=3) - timedelta(seconds=1))
        assert "Confirm this address" in browser.get(link)
        now.shift(timedelta(seconds=1))
        browser.log_in("bob", "correct horse battery staple")

        assert EXPIRED in browser.get(link)
        assert "This code does not work any more." in browser.submit("/verify", code=code)


@pytest.mark.parametrize(
    "token",
    ["x", "%20", "%00", "%0d%0aX:%20y", "%ff%fe", "a" * 43, "%F0%9F%90%99", "x" * 8000],
)
def test_what_is_no_link_gets_the_page_of_an_expired_one(browser: Browser, token: str) -> None:
    page = browser.get(f"/verify/{token}")
    posted = browser.post(f"/verify/{token}", browser.get("/login").form_with("next")["fields"])

    for answer in (page, posted):
        assert answer.status == 410
        assert EXPIRED in answer
        assert "Go to your email address" in answer


def test_of_two_who_claim_one_address_the_second_to_confirm_is_told(
    app: Flask, browser: Browser, another_browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("bob", email="shared@example.com")
    first = outbox.link_to("shared@example.com")
    another_browser.sign_up("carol", email="Shared@example.com")
    second = outbox.link_to("Shared@example.com")

    browser.press(first, first)
    page = another_browser.press(second, second)

    assert page.status == 422
    assert "This email address belongs to another account." in page
    assert person(app, "carol").email is None


def test_the_mail_says_what_to_do_and_nothing_that_was_typed(
    browser: Browser, outbox: Outbox
) -> None:
    browser.sign_up("Visit evil.example", email=BOB)

    mail = outbox.to(BOB)
    for words in (text_of(mail), html_of(mail)):
        assert "evil" not in words
        assert "If it was not you, do nothing" in words
        assert "You receive this because" in words
        assert outbox.link_to(BOB) in words
        assert outbox.code_to(BOB) in words


def test_only_digests_are_stored(app: Flask, browser: Browser, outbox: Outbox) -> None:
    browser.sign_up("bob")
    link, code = outbox.link_to(BOB), outbox.code_to(BOB)

    with app.app_context():
        row = db.session.execute(sa.select(UserToken.__table__)).one()
    stored = " ".join(str(value) for value in row)
    assert link.rpartition("/")[2] not in stored
    assert code not in stored
    assert code.replace("-", "") not in stored


@pytest.mark.parametrize(
    "header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host", "X-Forwarded-Server"]
)
def test_no_header_puts_another_host_into_a_mail(
    app: Flask, outbox: Outbox, alice: User, header: str
) -> None:
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    client = app.test_client()
    for path, fields in [
        ("/register", {"name": "bob", "email": BOB, "password": "orchard lantern seven"}),
        ("/password/forgotten", {"email": alice.email}),
    ]:
        form = Browser(client).get(path).form_with("csrf_token")["fields"]
        client.post(path, data=form | fields, headers={header: value})

    mails = [text_of(mail) + html_of(mail) for mail in outbox.mails()]
    assert len(mails) == (0 if header == "Host" else 2)  # such a host is refused altogether
    assert not any("evil" in mail for mail in mails)
