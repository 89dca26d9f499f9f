"""What machines ask for."""

from collections.abc import Callable

import flask_migrate
import pytest
from flask import Flask

from tests.conftest import counted, site_on


def test_up_answers_without_a_cookie_or_a_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(app, monkeypatch) as notes:
        response = app.test_client().get("/up")

    assert (response.status_code, response.text) == (200, "up\n")
    assert "Set-Cookie" not in response.headers
    assert notes["sql"] == []


def test_a_site_at_head_is_ready(each_app: Flask) -> None:
    response = each_app.test_client().get("/up/ready")

    assert (response.status_code, response.text) == (200, "ready\n")


def test_a_site_whose_expands_are_missing_says_which(database_url: str) -> None:
    app = site_on(database_url)
    with app.app_context():
        flask_migrate.upgrade(revision="0007")

    response = app.test_client().get("/up/ready")

    assert response.status_code == 503
    assert "0008, 0009, 0010" in response.text and "flask db upgrade" in response.text


@pytest.mark.own_site
def test_a_pending_contract_does_not_keep_the_site_from_serving(
    app: Flask, make_app: Callable[..., Flask]
) -> None:
    # 0010 is the newest expand; the database may well be ahead of the code, too.
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.connect() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()

    assert make_app().test_client().get("/up/ready").status_code == 200


def test_an_empty_database_is_not_ready(database_url: str) -> None:
    response = site_on(database_url).test_client().get("/up/ready")

    assert response.status_code == 503
    assert "0001" in response.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://postgres@127.0.0.1:1/nowhere?connect_timeout=2",
        "mariadb+pymysql://root@127.0.0.1:1/nowhere",
    ],
)
def test_a_database_that_does_not_answer_is_said_without_its_address(url: str) -> None:
    app = site_on(url)

    response = app.test_client().get("/up/ready")

    assert response.status_code == 503
    assert "does not answer" in response.text and "127.0.0.1" not in response.text
    assert app.test_client().get("/up").status_code == 200
    assert app.test_client().get("/login").status_code == 200


def test_robots_find_the_first_page_only(app: Flask) -> None:
    assert "Disallow: /\n" in app.test_client().get("/robots.txt").text


def test_the_developer_s_pages_are_not_in_production(make_app: Callable[..., Flask]) -> None:
    assert make_app().test_client().get("/dev/components").status_code == 200
    production = make_app(GATEHOUSE_ENV="production")
    assert production.test_client().get("/dev/components").status_code == 404
