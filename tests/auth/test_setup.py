"""The first administrator: a link that works once, and not where there is one already."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import lifecycle, roles, setup
from app.accounts.models import User, UserToken
from app.accounts.roles import ADMINISTRATOR
from app.audit import Actor
from app.cli import develop
from app.db import db
from tests.browser import Browser, Page
from tests.factories import PASSWORD, administrator, person

OPERATOR = Actor.operator()
DEAD = "Look in the console of the server for the newest link."
THERE_IS_ONE = "There is an administrator already. Log in instead."
ROUNDS = 3


def new_link(app: Flask) -> str:
    with app.app_context():
        link = setup.make_link(by=OPERATOR)
        assert link is not None
        assert link.startswith(app.config["PUBLIC_URL"])
        return urlsplit(link).path


def become(browser: Browser, link: str, **answers: str) -> Page:
    given = {"name": "root", "email": "root@example.com", "password": PASSWORD}
    return browser.submit(link, **(given | answers))


def test_whoever_reads_the_console_becomes_the_administrator(app: Flask, browser: Browser) -> None:
    page = become(browser, new_link(app))

    assert page.path == "/admin" and page.status == 200
    browser.log_out()
    assert browser.log_in("root@example.com", PASSWORD).path == "/account"
    with app.app_context():
        root = db.session.scalars(sa.select(User)).one()
        assert roles.roles_of(root) == [ADMINISTRATOR]
        assert (root.origin, root.pending_email) == ("setup", None)


def test_the_form_asks_for_the_password_last(app: Flask, browser: Browser) -> None:
    asked = browser.get(new_link(app)).form_with("password")["fields"]

    assert [name for name in asked if name != "csrf_token"] == ["name", "email", "password"]


def test_a_link_works_once(app: Flask, browser: Browser, another_browser: Browser) -> None:
    link = new_link(app)
    become(browser, link)

    page = another_browser.get(link)
    assert page.status == 410 and THERE_IS_ONE in page
    assert ("/login", "Go to the log-in page") in page.links
    with app.app_context():
        assert setup.make_link(by=OPERATOR) is None


def test_the_link_before_dies(app: Flask, browser: Browser) -> None:
    old = new_link(app)
    new = new_link(app)

    assert DEAD in browser.get(old)
    assert DEAD in browser.get("/setup/nonsense")
    assert browser.get(new).status == 200
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UserToken)) == 1


def test_a_link_is_void_once_there_is_an_administrator_of_another_making(
    app: Flask, browser: Browser
) -> None:
    page = browser.get(new_link(app))
    with app.app_context():
        administrator("ada")

    assert THERE_IS_ONE in browser.get(page.path)
    assert THERE_IS_ONE in browser.fill(
        page, name="root", email="root@example.com", password=PASSWORD
    )
    with app.app_context():
        assert db.session.scalar(sa.select(User.id).where(User.name == "root")) is None


def test_what_is_refused_leaves_the_link_as_it_is(app: Flask, browser: Browser) -> None:
    with app.app_context():
        person("alice")
    link = new_link(app)

    assert "This name is taken." in become(browser, link, name="alice")
    assert "belongs to another account" in become(browser, link, email="alice@example.com")
    assert "easy to guess" in become(browser, link, password="passwordpassword")
    assert become(browser, link).path == "/admin"


def test_looking_at_the_link_changes_nothing(app: Flask, browser: Browser) -> None:
    link = new_link(app)
    for _ in range(3):
        page = browser.get(link)

    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert become(browser, link).path == "/admin"


def test_of_several_at_once_one_becomes_the_administrator(each_app: Flask) -> None:
    for number in range(ROUNDS):
        pages = become_at_once(each_app, new_link(each_app), number)

        assert sorted(page.path == "/admin" for page in pages) == [False, False, True], pages
        with each_app.app_context():
            held = roles.find(ADMINISTRATOR)
            assert held is not None and roles.holders(held) == 1
            step_down()


def become_at_once(app: Flask, link: str, number: int) -> list[Page]:
    together = Barrier(3)

    def attempt(index: int) -> Page:
        browser = Browser(app.test_client(), ip=f"10.0.{number}.{index}")
        form = browser.get(link).form_with("name")["fields"]
        name = f"root {number} {index}"
        answers = {"name": name, "email": f"r{number}.{index}@example.com", "password": PASSWORD}
        together.wait()
        return browser.post(link, form | answers)

    with ThreadPoolExecutor(3) as people:
        return list(people.map(attempt, range(3)))


def step_down() -> None:
    """Leave the site without an administrator, as no verb would: the table is emptied by hand."""
    with db.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM user_role"))


def test_the_site_that_starts_shows_a_link_until_there_is_an_administrator(
    app: Flask, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    link = new_link(app)

    develop.announce(app, link)
    assert link in capsys.readouterr().out
    develop.announce(app, None)
    assert "administrator" not in capsys.readouterr().out


def test_a_deactivated_administrator_keeps_the_door_shut(app: Flask, browser: Browser) -> None:
    with app.app_context():
        root, ada = administrator("root"), administrator("ada")
        lifecycle.deactivate(ada, by=Actor.person(root, ""), reason="Left")

        assert setup.make_link(by=OPERATOR) is None
