"""The outbox as staff see it: never what a mail says."""

import datetime as dt

import sqlalchemy as sa
from flask import Flask

from app import clock
from app.accounts.models import User
from app.db import affected, atomic
from app.mail import Mail, State
from tests import factories
from tests.browser import Browser
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
    [retry] = {form["action"] for form in person.forms if "retry" in str(form["action"])}

    assert "The mail is tried again now." in browser.press("/admin/mail", retry)

    outbox.run()
    page = browser.get("/admin/mail?to=carol@example.com")
    assert "Sent" in page and "Try now" not in page
    assert "Mail tried again" in browser.get("/admin/audit")


def test_a_refused_mail_is_said_on_the_first_page(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        factories.claimant("carol")
        let_it_be(State.REFUSED, "550 <script>no</script>")

    assert "Mails refused in the last 24 hours: " in browser.get("/admin")
    page = browser.get("/admin/mail?state=refused")
    assert "550 <script>no</script>" in page and "<script>no" not in page.html


def test_the_outbox_needs_its_permission(app: Flask, browser: Browser, bob: User) -> None:
    with app.app_context():
        factories.holder("clerk", "users.view", "users.edit")
    browser.log_in("clerk", factories.PASSWORD)
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    assert browser.get("/admin/mail").status == 403
    assert browser.post("/admin/mail/1/retry", {"csrf_token": token}).status == 403
    assert "Mails" not in browser.get(f"/admin/users/{bob.id}")
    assert "needs care" not in browser.get("/admin")
