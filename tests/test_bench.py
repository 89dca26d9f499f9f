"""What the figures of `make bench` are about; nothing here is measured."""

import re

from app.accounts import retention as sweeps
from bench import __main__ as bench
from bench import retention, telling
from bench.bare import app as bare
from config import ROOT


def test_a_million_people_are_measured_unless_somebody_says_otherwise() -> None:
    assert 1_000_000 in bench.SIZES


def test_what_may_be_set_is_told_beside_the_aims() -> None:
    page = (ROOT / "bench" / "README.md").read_text()
    for module in (ROOT / "bench").glob("*.py"):
        for variable in re.findall(r'environ\.get\("(\w+)"', module.read_text()):
            assert f"`{variable}`" in page
    assert "| aim | reached" in page


def test_every_sweep_is_measured_at_as_many_rows_as_are_promised() -> None:
    every = {name for name in vars(sweeps) if name.startswith("sweep_")}
    assert {sweep.__name__ for sweep in retention.SWEEPS.values()} == every
    assert retention.ROWS == 100_000


def test_the_bare_view_has_a_template_of_two_lines() -> None:
    template = ROOT / "bench" / "templates" / "bare.html"
    assert len(template.read_text().splitlines()) == 2
    assert bare.test_client().get("/").text.splitlines()[1:] == ["<h1>Bare</h1>"]
    assert bare.jinja_env.list_templates() == ["bare.html"]


def test_known_or_not_is_measured_on_a_site_as_in_production() -> None:
    app = telling.as_served("sqlite://")
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-session"
    assert app.config["GATEHOUSE_ENV"] == "production"
