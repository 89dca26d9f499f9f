"""Two browsers change one password at the same moment: the guarded update decides."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa
from flask import Flask

from app.accounts import hashing
from app.accounts.models import User, UserSession
from app.db import db
from tests.browser import Browser, Page

ROUNDS = 5
PASSWORDS = ["purple monkey dishwasher", "orchard lantern seven"]


def test_of_two_changes_at_once_one_wins_and_the_other_browser_is_out(each_app: Flask) -> None:
    for number in range(ROUNDS):
        name = f"alice {number}"
        Browser(each_app.test_client(), ip=f"10.0.{number}.9").sign_up(name, email="a@example.com")

        pages = change_at_once(each_app, name, number)

        won = ["Password changed." in page for page in pages]
        assert sorted(won) == [False, True], pages
        with each_app.app_context():
            alice = db.session.scalars(sa.select(User).where(User.name == name)).one()
            assert hashing.matches(alice.password_hash, PASSWORDS[won.index(True)])
            of_alice = sa.select(sa.func.count()).where(UserSession.user_id == alice.id)
            assert db.session.scalar(of_alice) == 1


def change_at_once(app: Flask, name: str, number: int) -> list[Page]:
    together = Barrier(2)

    def change(index: int) -> Page:
        browser = Browser(app.test_client(), ip=f"10.0.{number}.{index}")
        browser.log_in(name, "correct horse battery staple")
        form = browser.get("/account/password").form_with("current_password")["fields"]
        answers = {"current_password": "correct horse battery staple", "password": PASSWORDS[index]}
        together.wait()
        return browser.post("/account/password", form | answers)

    with ThreadPoolExecutor(2) as people:
        return list(people.map(change, range(2)))
