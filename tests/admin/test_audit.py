"""The audit trail as staff read it."""

import datetime as dt
import re
from urllib.parse import parse_qsl

import pytest
import time_machine
from flask import Flask

from app import audit
from app.accounts.models import User
from app.audit import Actor, Named
from app.db import atomic
from tests import factories
from tests.browser import Browser, Page

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


@atomic
def fail_log_ins(number: int, *, on: Named | None, by: Actor) -> None:
    for _ in range(number):
        audit.record("login.failed", by=by, on=on)


def test_what_was_done_to_whom_by_whom_and_from_where(
    browser: Browser, root: User, bob: User
) -> None:
    browser.submit(f"/admin/users/{bob.id}/deactivation", reason="Spam")

    page = browser.get("/admin/audit")

    assert "UTC Account deactivated Reason: Spam root bob 127.0.0.1" in page
    assert "Account created Address: bob@example.com The operator bob –" in page


def test_filters_find_what_they_say(app: Flask, browser: Browser, root: User, bob: User) -> None:
    with app.app_context():
        fail_log_ins(1, on=Named(bob.id, "bob"), by=Actor.visitor("192.0.2.99"))
    browser.submit(f"/admin/users/{bob.id}/deactivation", reason="Spam")

    def events(query: str) -> int:
        page = browser.get(f"/admin/audit?{query}")
        assert page.status == 200
        return page.html.count("<tr") - 1

    assert events("event=login.failed") == events("ip=192.0.2.99") == 1
    assert events("who=root") == events("who=root@example.com") == events(f"who={root.id}") == 2
    assert events("whom=bob") == events(f"whom={bob.id}") == 3
    assert events("whom=bob&event=user.deactivated&who=ROOT") == 1
    assert events("ip=192.0.2.98") == events("since=2999-01-01") == events("whom=424242") == -1
    assert events("event=nonsense") == -1
    assert events("ip=%20192.0.2.99") == 1


def test_days_are_whole_days_in_utc(app: Flask, browser: Browser, root: User) -> None:
    for hours in (-13, -12, 11, 12):
        with time_machine.travel(NOON + dt.timedelta(hours=hours), tick=False), app.app_context():
            fail_log_ins(1, on=None, by=Actor.visitor(f"192.0.2.{hours + 20}"))

    page = browser.get("/admin/audit?since=2026-11-23&until=2026-11-23&event=login.failed")

    assert "192.0.2.8 " in page and "192.0.2.31 " in page
    assert "192.0.2.7 " not in page and "192.0.2.32 " not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("who=nobody", "Nobody has this id"),
        ("whom=%00", "Nobody has this id"),
        ("who=99999999999999999999", "Nobody has this id"),
        ("ip=1.2.3", "Enter an IP address"),
        ("since=yesterday", "Enter a day"),
        ("until=9999-12-31", "Enter a day"),
        ("since=0001-01-01", "Enter a day"),
    ],
)
def test_a_filter_that_means_nothing_is_kept_and_explained(
    browser: Browser, root: User, query: str, words: str
) -> None:
    page = browser.get(f"/admin/audit?{query}&event=login.failed")

    assert page.status == 422 and words in page
    assert page.value("event") == "login.failed"
    [(name, typed)] = parse_qsl(query)
    assert page.value(name) == typed
    assert 'type="date"' not in shown(page, name), "a browser shows only dates there"


def shown(page: Page, name: str) -> str:
    [field] = re.findall(f'<input[^>]*name="{name}"[^>]*>', page.html)
    return field


def test_pages_go_back_and_forth_with_their_filters(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        fail_log_ins(120, on=None, by=Actor.visitor("192.0.2.1"))
    seen = []
    page = browser.get("/admin/audit?event=login.failed")
    for _ in range(3):
        seen.append(page.html.count("Log-in failed") - 1)  # one is the filter's
        following = [address for address, words in page.links if words == "Next"]
        if following:
            page = browser.get(following[0])
    assert seen == [50, 50, 20]
    assert following == []


def test_the_trail_outlives_whom_it_is_about(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        fail_log_ins(1, on=Named(4711, "<b>gone</b>"), by=Actor.visitor("192.0.2.1"))

    page = browser.get("/admin/audit?whom=4711")

    assert "<b>gone</b>" in page and "<b>" not in page.html
    assert browser.get("/admin/users/4711").status == 404


def test_whoever_may_only_read_the_trail_gets_no_links_to_people(
    app: Flask, browser: Browser
) -> None:
    with app.app_context():
        factories.holder("auditor", "audit.view")
    browser.log_in("auditor", factories.PASSWORD)

    page = browser.get("/admin/audit")

    assert "auditor" in page
    assert not [address for address, _ in page.links if address.startswith("/admin/users")]


def test_the_trail_needs_its_permission(app: Flask, browser: Browser, bob: User) -> None:
    with app.app_context():
        factories.holder("clerk", "users.view")
    browser.log_in("clerk", factories.PASSWORD)

    assert browser.get("/admin/audit").status == 403
    assert "History" not in browser.get(f"/admin/users/{bob.id}")
