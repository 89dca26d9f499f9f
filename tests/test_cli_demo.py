"""A made-up crowd: as many as asked for, on each engine, and never in production."""

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import authentication, crowd
from app.accounts.models import User
from app.db import db
from tests import factories


def test_so_many_move_in_and_can_log_in(each_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "BATCH", 20)

    result = each_app.test_cli_runner().invoke(args=["demo", "50"])

    assert result.exit_code == 0, result.output
    with each_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 50
        name = str(crowd.people(1, 1, "")[0][0])
        assert name in result.output
        who = authentication.check_password(name, crowd.PASSWORD, by=factories.visitor())
        assert who.user.name == name


def test_a_second_crowd_comes_beside_the_first(app: Flask) -> None:
    for _ in range(2):
        assert app.test_cli_runner().invoke(args=["demo", "5"]).exit_code == 0

    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 10


def test_nobody_moves_into_production(app: Flask) -> None:
    app.config["GATEHOUSE_ENV"] = "production"

    result = app.test_cli_runner().invoke(args=["demo", "5"])

    assert result.exit_code == 1
    assert "not in production" in result.output
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 0
