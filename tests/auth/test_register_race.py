"""Ten people want one name at the same moment: the unique index decides, on each database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import User
from app.db import db
from tests.browser import Browser, Page

ROUNDS, AT_ONCE = 40, 10


def test_ten_registrations_of_one_name_have_one_winner(each_app: Flask) -> None:
    for number in range(ROUNDS):
        pages = register_at_once(each_app, number)

        won = [page for page in pages if page.path == "/account"]
        refused = [page for page in pages if page.status == 422]
        assert (len(won), len(refused)) == (1, AT_ONCE - 1), [page.status for page in pages]
        assert all("This name is taken. Choose another." in page for page in refused)
    with each_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == ROUNDS


def register_at_once(app: Flask, number: int) -> list[Page]:
    together = Barrier(AT_ONCE)
    # Spellings of one name, half of which only name_key holds apart; an address each, or the
    # limit per address would decide.
    names = [f"winner {number}", f"WINNER {number}"] * (AT_ONCE // 2)

    def register(index: int) -> Page:
        browser = Browser(app.test_client(), ip=f"10.{number}.0.{index}")
        form = browser.get("/register").form_with("name")["fields"]
        answers = form | {"name": names[index], "email": f"{index}@example.com"}
        together.wait()
        return browser.post("/register", answers | {"password": "correct horse battery staple"})

    with ThreadPoolExecutor(AT_ONCE) as people:
        return list(people.map(register, range(AT_ONCE)))
