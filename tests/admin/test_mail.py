"""The outbox as staff see it: never what a mail says."""

import datetime as dt
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock
from app.accounts.models import User
from app.db import affected, atomic
from app.mail import Mail, State
from tests import factories
from tests.browser import Browser, Page
from tests.outbox import Outbox


@atomic
def let_it_be(state: str, reason: str) -> None:
    later = clock.now() + dt.timedelta(hours=1)
    affected(sa.update(Mail).values(state=state, reason=reason, attempts=3, next_try_at=later))


def test_what_was_mailed_and_what_became_of_it(
    app: Flask, browser: Browser, root: User, outbox: Outbox
) -> None:
    with app.app_context():
        factories.claimant("carol")
    assert "Confirm your address carol@example.com Queued" in browser.get("/admin/mail")
    code, link = outbox.code_to("carol@example.com"), outbox.link_to("carol@example.com")

    page = browser.get("/admin/mail")

    assert "carol@example.com Sent" in page
    assert code not in page.html and link not in page.html


def test_filters_by_state_and_by_recipient(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        factories.claimant("carol")
        factories.claimant("dave")

    assert "dave@" not in browser.get("/admin/mail?to=CAROL@example.com&state=queued")
    assert "carol@" in browser.get("/admin/mail?to=CAROL@example.com&state=queued")
    assert "No mails found" in browser.get("/admin/mail?state=refused")
    for odd in ("to=%00", "state=x", "cursor=x", "to=" + "x" * 3000):
        assert browser.get(f"/admin/mail?{odd}").status == 200


def test_a_mail_that_was_put_off_is_tried_now(
    app: Flask, browser: Browser, root: User, outbox: Outbox
) -> None:
    with app.app_context():
        carol_id = factories.claimant("carol").id
        let_it_be(State.DEFERRED, "450 Try again later")
    assert "Mails put off, to be tried again: " in browser.get("/admin")
    person = browser.get(f"/admin/users/{carol_id}")
    assert "450 Try again later" in person and "Try now" in person
    assert "Next try due:" in person
    [retry] = retries(person)

    page = browser.press(person.path, retry)

    assert "The mail is tried again now." in page and page.path == person.path

    outbox.run()
    page = browser.get("/admin/mail?to=carol@example.com")
    assert "Sent 0 seconds ago" in page or "Sent 1 second ago" in page
    assert "Try now" not in page
    assert "Mail tried again" in browser.get("/admin/audit")


def retries(page: Page) -> set[str]:
    return {form["action"] for form in page.forms if "/retry" in str(form["action"])}


def test_after_another_try_the_list_is_as_it_was(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        factories.claimant("carol")
        let_it_be(State.DEFERRED, "450 Try again later")
    page = browser.get("/admin/mail?state=deferred&to=carol@example.com")
    [retry] = retries(page)
    token = page.form_with("csrf_token")["fields"]["csrf_token"]

    for address, back in [
        (retry, "/admin/mail?state=deferred&to=carol@example.com"),
        ("/admin/mail/1/retry", "/admin/mail"),
        ("/admin/mail/1/retry?next=//elsewhere.example", "/admin/mail"),
        ("/admin/mail/1/retry?next=https://elsewhere.example", "/admin/mail"),
    ]:
        answer = browser.client.post(address, data={"csrf_token": token})
        assert (answer.status_code, unquote(answer.location)) == (303, back)


def test_a_refused_mail_is_said_on_the_first_page(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        factories.claimant("carol")
        let_it_be(State.REFUSED, "550 <script>no</script>")

    assert "Mails refused in the last 24 hours: 2" in browser.get("/admin")
    page = browser.get("/admin/mail?state=refused")
    assert "550 <script>no</script>" in page and "<script>no" not in page.html

    with time_machine.travel(clock.now() + dt.timedelta(hours=25)):
        browser.log_in("root", factories.PASSWORD)
        assert "Mails refused" not in browser.get("/admin")


def test_more_mails_than_are_counted_are_said_so(
    app: Flask, browser: Browser, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        for name in ("carol", "dave"):
            factories.claimant(name)
        let_it_be(State.DEFERRED, "450 Try again later")
    assert "to be tried again: 3" in browser.get("/admin")

    monkeypatch.setattr("app.mail.COUNTED", 1)

    assert "to be tried again: more than 1" in browser.get("/admin")


def test_the_outbox_needs_its_permission(app: Flask, browser: Browser, bob: User) -> None:
    with app.app_context():
        factories.holder("clerk", "users.view", "users.edit")
    browser.log_in("clerk", factories.PASSWORD)
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    assert browser.get("/admin/mail").status == 403
    assert browser.post("/admin/mail/1/retry", {"csrf_token": token}).status == 403
    assert "Mails" not in browser.get(f"/admin/users/{bob.id}")
    assert "needs care" not in browser.get("/admin")
