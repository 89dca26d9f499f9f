"""Ten people write at once into a database that has one pen."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.db import db
from tests import factories

WRITERS = 10


def test_nobody_is_told_that_the_database_is_locked(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False

    def live(number: int) -> list[int]:
        browser = app.test_client()
        here = {"REMOTE_ADDR": f"2001:db8:{number:x}::1"}
        answers = {"name": f"w{number}", "password": factories.PASSWORD}
        codes = [
            browser.post(
                "/register",
                data=answers | {"email": f"w{number}@example.com"},
                environ_overrides=here,
            )
        ]
        for _ in range(3):
            codes.append(browser.post("/logout", environ_overrides=here))
            codes.append(
                browser.post(
                    "/login",
                    data={"identifier": f"w{number}", "password": factories.PASSWORD},
                    environ_overrides=here,
                )
            )
        return [response.status_code for response in codes]

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(WRITERS) as crowd:
        codes = list(crowd.map(live, range(WRITERS)))

    assert codes == [[303] * 7] * WRITERS
    assert "locked" not in caplog.text


def test_a_writer_that_never_ends_makes_the_site_busy_and_no_more(
    app: Flask, alice: object
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    log_in = {"identifier": "alice", "password": factories.PASSWORD}
    with app.app_context(), db.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        response = browser.post("/login", data=log_in)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "locked" not in response.text
        assert browser.get("/login").status_code == 200
        other.exec_driver_sql("ROLLBACK")

    assert browser.post("/login", data=log_in).status_code == 303
