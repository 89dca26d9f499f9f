"""/metrics: closed unless configured, and one sum for all processes of a site."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

import config
from app import jobs
from app.accounts.models import User
from app.db import atomic, db
from app.jobs import Job
from app.mail import figures
from config import ROOT
from tests import factories
from tests.test_config import GOOD

TOKEN = "t" * 40
HOLDER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def measured(make_app: Callable[..., Flask]) -> Flask:
    return make_app(METRICS_TOKEN=TOKEN)


def read(app: Flask) -> str:
    response = app.test_client().get("/metrics", headers=HOLDER)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_it_is_not_there_unless_configured(app: Flask) -> None:
    assert app.test_client().get("/metrics", headers=HOLDER).status_code == 404
    assert (
        app.test_client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    )


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ü"]
)
def test_it_is_not_there_for_anybody_else(measured: Flask, given: str) -> None:
    headers = {"Authorization": given} if given else {}

    assert measured.test_client().get("/metrics", headers=headers).status_code == 404


def test_requests_are_counted_by_route_and_never_by_address(measured: Flask) -> None:
    for address in ("/login", "/login?secret=1", "/nowhere/secret"):
        measured.test_client().get(address)

    text = read(measured)
    assert 'gatehouse_requests_total{endpoint="auth.login",method="GET",status="200"}' in text
    assert 'gatehouse_requests_total{endpoint="none",method="any",status="404"}' in text
    assert 'gatehouse_request_seconds_bucket{endpoint="auth.login",le="0.1"}' in text
    assert "secret" not in text


def test_what_waits_and_what_failed_is_told(measured: Flask, alice: User) -> None:
    with measured.app_context():
        factories.claimant("bob")
        give_up()

    text = read(measured)
    assert "gatehouse_database_up 1.0" in text
    assert 'gatehouse_jobs{state="failed"} 1.0' in text
    assert 'gatehouse_jobs{state="waiting"} 1.0' in text
    assert 'gatehouse_mails{state="queued"} 1.0' in text
    assert 'gatehouse_mails{state="refused"} 0.0' in text


@atomic
def give_up() -> None:
    jobs.add("mail.deliver", mail=0)
    db.session.flush()
    db.session.query(Job).order_by(Job.id.desc()).first().due_at = None


def test_figures_are_the_same_on_every_engine(each_domain: Flask) -> None:
    factories.claimant("bob")

    assert figures.by_state()["queued"] == 1
    assert sum(figures.by_state().values()) == 1


def test_without_its_database_the_rest_is_told(measured: Flask, tmp_path: Path) -> None:
    measured.test_client().get("/up")
    with measured.app_context():
        db.engine.dispose()
    (tmp_path / "site.db").write_bytes(b"not a database, whatever its name says")

    text = read(measured)

    assert "gatehouse_database_up 0.0" in text
    assert "gatehouse_jobs" not in text
    assert "gatehouse_requests_total" in text


PROCESS = """
import os
from app import create_app
client = create_app().test_client()
client.get("/up")
holder = {"Authorization": "Bearer " + os.environ["METRICS_TOKEN"]}
print(client.get("/metrics", headers=holder).text)
"""


def test_processes_add_up_what_they_noted(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()
    settings = {
        "METRICS_TOKEN": TOKEN,
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
    }
    for ups in ("1.0", "2.0"):
        text = subprocess.check_output(
            [sys.executable, "-c", PROCESS], env=os.environ | settings, cwd=ROOT, text=True
        )
        line = 'gatehouse_requests_total{endpoint="site.up",method="GET",status="200"}'
        assert f"{line} {ups}" in text
    assert "gatehouse_database_up 0.0" in text


def test_one_process_of_many_does_not_pass_for_the_site(make_app: Callable[..., Flask]) -> None:
    app = make_app(METRICS_TOKEN=TOKEN, GATEHOUSE_ENV="production")

    text = read(app)

    assert "gatehouse_database_up 1.0" in text
    assert "gatehouse_requests_total" not in text


def test_a_token_that_is_short_is_refused() -> None:
    assert config.load(GOOD | {"METRICS_TOKEN": TOKEN})["METRICS_TOKEN"] == TOKEN
    with pytest.raises(config.ConfigError, match="METRICS_TOKEN"):
        config.load(GOOD | {"METRICS_TOKEN": "short"})
