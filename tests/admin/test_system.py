"""What the staff see of the database: the facts of `flask db status`, and nothing to press."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock
from app.accounts.models import User
from app.db import db
from app.revisions import signature, status
from app.schema import state
from tests.browser import Browser

HEAD = (Path(__file__).parents[2] / "migrations" / "HEAD").read_text().strip()
ROWS, DONE, RATE = 10_000, 6_200, 95.0


def begin_backfill(app: Flask, **values: str) -> None:
    with app.app_context(), db.engine.begin() as connection:
        state.begin(connection, "0099", "user", ROWS)
        state.note(connection, "0099", done=DONE, rate=RATE, **values)


def stand_at(app: Flask, revision: str) -> None:
    with app.app_context(), db.engine.begin() as connection:
        version = sa.table("alembic_version", sa.column("version_num"))
        connection.execute(sa.update(version).values(version_num=revision))


def test_at_rest_it_says_what_was_run_and_stands_still(browser: Browser, root: User) -> None:
    page = browser.get("/admin/system")

    assert f"Revision {HEAD} Newest revision {HEAD}" in page
    assert "Database sqlite 3." in page
    assert "None: nothing is pending." in page
    assert "backfill Applied" in page and "expand Applied" in page
    assert f" {signature.operator()} " in page
    assert "0018 user Done 0 of 0 rows" in page
    assert "Refresh" not in page.headers
    assert [form["action"] for form in page.forms] == ["/logout"], "there is nothing to press"


def test_a_backfill_is_watched_until_somebody_wants_the_page_to_stand_still(
    app: Flask, browser: Browser, root: User
) -> None:
    begin_backfill(app)

    page = browser.get("/admin/system")
    assert "0099 user Running 6,200 of 10,000 rows · about 40 seconds left" in page
    assert page.headers["Refresh"] == "3"

    still = browser.get(dict(map(reversed, page.links))["Let it stand still"])
    assert "This page stands still." in still and "Refresh" not in still.headers


def test_one_that_is_paused_is_watched_until_it_goes_on(
    app: Flask, browser: Browser, root: User
) -> None:
    begin_backfill(app, state="paused")

    page = browser.get("/admin/system")

    assert "0099 user Paused 6,200 of 10,000 rows" in page
    assert page.headers["Refresh"] == "3"


@pytest.mark.parametrize("last", ["running", "paused"])
def test_a_backfill_that_says_nothing_any_more_is_not_waited_for(
    app: Flask, browser: Browser, root: User, last: str
) -> None:
    begin_backfill(app, state=last)

    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        page = browser.get("/admin/system")
        with app.app_context():
            facts = status.read()

    assert "0099 user Stopped without a word 6,200 of 10,000 rows" in page
    assert "Refresh" not in page.headers
    assert facts["backfills"][-1]["fares"] == "silent"
    assert (
        "Backfill  0099 user: 62 % (6200 of 10000 rows), "
        "stopped without a word: run `flask db backfill` again"
    ) in status.lines(facts)


def test_a_backfill_that_a_live_release_outran(app: Flask, browser: Browser, root: User) -> None:
    begin_backfill(app, state="leftovers")

    assert "0099 user Rows left over 6,200 of 10,000 rows" in browser.get("/admin/system")


def test_an_open_change_is_told_step_by_step(app: Flask, browser: Browser, root: User) -> None:
    stand_at(app, "0017")

    page = browser.get("/admin/system")

    assert "Next stage backfill" in page
    assert "[expand] Done 0018 Filling user.origin" in page
    assert "[backfill] To be done" in page


def test_what_is_wrong_is_said(app: Flask, browser: Browser, root: User) -> None:
    stand_at(app, "0099")

    assert "The database stands at 0099, and no file here has that" in browser.get("/admin/system")


def test_the_facts_on_each_engine(each_app: Flask, engine: str) -> None:
    begin_backfill(each_app)

    with each_app.app_context():
        facts = status.read()

    assert facts["database"].startswith(f"{engine} ")
    assert (facts["version"], facts["head"], facts["stage"]) == (HEAD, HEAD, None)
    assert facts["runs"][0]["revision"] == HEAD and facts["runs"][0]["seconds"] >= 0
    row = facts["backfills"][-1]
    assert (row["is_running"], row["percent"], row["seconds_left"]) == (True, 62, 40.0)


def test_who_comes_in_by_which_password_is_not_shown() -> None:
    url = sa.make_url("postgresql://gate:hidden@db.example.com:5432/site?sslkey=hidden")

    assert status.address(url) == "postgresql://db.example.com:5432/site"
