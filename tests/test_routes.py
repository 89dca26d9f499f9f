"""What holds for every route of the URL map, also for the one that is added tomorrow."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from app.accounts.models import User
from app.audit import Actor
from app.db import atomic, db
from app.web.guards import public
from tests import factories
from tests.browser import Browser
from tests.web.test_guards import OPEN

pytestmark = pytest.mark.own_site

SEEN = "user_session.last_seen_at"  # all that looking may change
ASKED = {"GET", "HEAD"}


def addresses(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Yield each rule with an address: an id or a file name that does not exist is good enough."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        yield rule, adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"))


def open_to_strangers(app: Flask) -> set[str]:
    """Ask for every route with every method, as nobody; return those that did not send us away."""
    client, found = app.test_client(), set()
    for rule, address in addresses(app):
        for method in rule.methods - {"OPTIONS"}:
            response = client.open(address, method=method)
            if not response.location or not response.location.startswith("/login"):
                found.add(rule.endpoint)
    return found


def test_every_method_of_a_route_that_is_not_public_asks_a_stranger_to_log_in(app: Flask) -> None:
    assert open_to_strangers(app) == OPEN


def test_a_new_route_is_closed_until_it_says_otherwise(app: Flask) -> None:
    app.add_url_rule("/new", "new", lambda: "hello", methods=["GET", "POST"])
    app.add_url_rule("/opened", "opened", public(lambda: "hello"))

    assert open_to_strangers(app) == OPEN | {"opened"}


def test_looking_changes_nothing(app: Flask, browser: Browser, alice: User) -> None:
    browser.log_in("alice", factories.PASSWORD)
    assert look_at_everything(app, browser) == []
    assert browser.is_logged_in()


def test_a_route_that_acts_when_it_is_looked_at_is_found(
    app: Flask, browser: Browser, alice: User
) -> None:
    @atomic
    def rename(*, by: Actor) -> None:
        db.session.get(User, alice.id).display_name = "changed"

    app.add_url_rule("/act", "act", lambda: rename(by=Actor.operator()) or "done")
    browser.log_in("alice", factories.PASSWORD)
    assert look_at_everything(app, browser) == ["GET /act"]


def look_at_everything(app: Flask, browser: Browser) -> list[str]:
    """GET and HEAD every route; return those that changed what the database holds."""
    changed, before = [], everything(app)
    for rule, address in addresses(app):
        for method in sorted(rule.methods & ASKED):
            browser.client.open(address, method=method)
            after = everything(app)
            if after != before:
                changed.append(f"{method} {address}")
            before = after
    return changed


def everything(app: Flask) -> dict[str, list[object]]:
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: connection.execute(
                sa.select(*(column for column in table.c if str(column) != SEEN))
            ).all()
            for table in db.metadata.sorted_tables
        }


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_methods_that_nobody_uses_are_refused(app: Flask, method: str) -> None:
    client = app.test_client()
    for _, address in addresses(app):
        assert client.open(address, method=method).status_code == 405, address
