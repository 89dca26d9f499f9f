"""flask doctor finds what is wrong, says what to do, and ends with 1."""

import json
import math
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from aiosmtpd.smtp import AuthResult
from click.testing import Result
from flask import Flask
from werkzeug.serving import make_server

from app import clock, jobs, proxies
from app.cli import doctor
from app.cli.doctor import APART, CHECKS
from app.db import db, server
from app.jobs import pulse
from config import ROOT
from tests import post_office, services
from tests.conftest import site_on
from tests.processes import Command

MakeApp = Callable[..., Flask]


def examine(app: Flask) -> tuple[dict[str, dict[str, object]], Result]:
    result = app.test_cli_runner().invoke(args=["doctor", "--json"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {row["what"]: row for row in found}, result


def work(app: Flask) -> None:
    with app.app_context():
        jobs.arm()
        while jobs.run_due():
            pass


def test_a_site_that_is_well_is_found_so(app: Flask) -> None:
    work(app)

    found, result = examine(app)

    assert set(found) == set(CHECKS)
    assert [what for what, row in found.items() if not row["ok"]] == []
    assert result.exit_code == 0
    assert app.test_cli_runner().invoke(args=["doctor"]).exit_code == 0


def test_without_a_worker_it_ends_with_one_and_says_what_to_do(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["doctor"])

    assert result.exit_code == 1
    assert "TROUBLE  worker" in result.output
    assert "→ Run: flask worker" in result.output


def test_a_worker_that_is_gone_is_missed_within_minutes(app: Flask) -> None:
    work(app)
    with app.app_context():
        assert pulse.is_felt()
        with time_machine.travel(clock.now() + jobs.LEASE + timedelta(minutes=2)):
            assert not pulse.is_felt()
            while jobs.run_due():
                pass
            assert pulse.is_felt()


def test_a_database_that_lacks_an_expand_is_found(tmp_path: Path, make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0008'"))

    found, result = examine(app)

    assert result.exit_code == 1
    assert "0009" in str(found["database"]["words"])
    assert "flask db upgrade" in str(found["database"]["todo"])


def test_without_a_database_the_rest_is_looked_at(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/nowhere/site.db")

    found, result = examine(app)

    assert result.exit_code == 1
    assert not found["database"]["ok"] and not found["worker"]["ok"]
    assert found["key"]["ok"] and found["mail"]["ok"]
    assert "unable to open database file" in str(found["database"]["words"])


def test_a_server_that_refuses_us_is_quoted_without_our_password(make_app: MakeApp) -> None:
    where = sa.make_url(services.postgresql_server()).set(username="nobody", password="a secret")
    app = make_app(SQLALCHEMY_DATABASE_URI=where.render_as_string(hide_password=False))

    found = examine(app)[0]

    assert "nobody" in str(found["database"]["words"])
    assert "DATABASE_URL" in str(found["database"]["todo"])
    assert "a secret" not in json.dumps(found)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_a_database_that_is_only_read_from_is_found(
    head_of: Callable[[str], str], engine: str
) -> None:
    with services.scratch_database(engine, copy_of=head_of(engine)) as url:
        app = site_on(url)
        with app.app_context():
            sa.event.listen(db.engine, "connect", READ_ONLY[engine])
            found = examine(app)[0]["database"]
            db.engine.dispose()

    assert not found["ok"] and "read" in str(found["words"]).lower()
    assert "may write there" in str(found["todo"])


def read_only(statement: str) -> Callable[[Any, object], None]:
    def listener(connection: Any, record: object) -> None:
        connection.cursor().execute(statement)

    return listener


READ_ONLY = {
    "sqlite": read_only("PRAGMA query_only = ON"),
    "postgresql": read_only("SET default_transaction_read_only = on"),
    "mariadb": read_only("SET SESSION TRANSACTION READ ONLY"),
}


def test_a_disk_that_is_nearly_full_is_found(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ROOM", math.inf)

    found = examine(make_app())[0]["database"]

    assert not found["ok"] and "MB are left" in str(found["words"])
    assert found["todo"] == "Make room there."


def test_a_site_with_another_key_is_not_taken_for_one_that_is_away(
    served: Callable[..., Flask], make_app: MakeApp
) -> None:
    there = served(1, 1).config["PUBLIC_URL"]
    here = make_app(SECRET_KEY="another" * 10, PUBLIC_URL=there, GATEHOUSE_ENV="production")

    found = examine(here)[0]

    assert found["public address"]["ok"]
    assert "same SECRET_KEY" in str(found["proxies"]["todo"])


def test_a_configuration_that_is_refused_is_told_in_the_same_shape(app: Flask) -> None:
    found, _ = examine(app)
    env = {"PATH": os.environ["PATH"], "GATEHOUSE_ENV": "production"}
    command = Command("doctor", "--json", cwd=ROOT, env=env)

    assert command.wait() == 1
    row = json.loads(command.stdout)
    assert row.keys() == found["configuration"].keys()
    assert (row["what"], row["ok"]) == ("configuration", False)
    assert "SECRET_KEY" in row["words"] and row["todo"]


def test_the_clock_of_the_database_is_read_on_every_engine(each_app: Flask) -> None:
    with each_app.app_context():
        assert abs(server.now() - clock.now()) < APART


def test_a_clock_that_is_wrong_is_found(app: Flask) -> None:
    with time_machine.travel(clock.now() + timedelta(minutes=3)):
        found, _ = examine(app)

    assert "seconds away" in str(found["clock"]["words"])
    assert not found["clock"]["ok"]


def test_a_mail_server_is_really_asked(make_app: MakeApp) -> None:
    port = post_office.free_port()
    app = make_app(**post_office.settings(port))

    assert not examine(app)[0]["mail"]["ok"]
    with post_office.open_on(port) as office:
        assert examine(app)[0]["mail"]["ok"]
        assert office.lines == 1 and office.asked == []


def test_a_mail_server_that_refuses_our_log_in_is_found(make_app: MakeApp) -> None:
    port = post_office.free_port()
    own = {"auth_require_tls": False, "auth_required": True}
    own["authenticator"] = lambda server, session, envelope, kind, who: AuthResult(
        success=who.password == b"right"
    )
    with post_office.open_on(port, **own):
        for password in ("wrong", "right"):
            account = {"MAIL_USERNAME": "site", "MAIL_PASSWORD": password}
            app = make_app(**post_office.settings(port, **account))
            found = examine(app)[0]["mail"]
            assert found["ok"] is (password == "right")
            assert password not in json.dumps(found)


def test_a_mail_server_without_tls_is_no_server_where_tls_is_wanted(make_app: MakeApp) -> None:
    port = post_office.free_port()
    app = make_app(**post_office.settings(port, MAIL_USE_TLS=True))
    with post_office.open_on(port):
        assert "STARTTLS" in str(examine(app)[0]["mail"]["words"])


def wants_tls() -> dict[str, object]:
    return {
        "require_starttls": True,
        "tls_context": ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
    }


def wants_a_log_in() -> dict[str, object]:
    return {"auth_required": True, "auth_require_tls": False}


@pytest.mark.parametrize("wants", [wants_tls, wants_a_log_in])
def test_a_mail_server_that_greets_everybody_and_wants_more_is_found(
    make_app: MakeApp, wants: Callable[[], dict[str, object]]
) -> None:
    """It is asked as for a mail: until then it has nothing to refuse."""
    port = post_office.free_port()
    app = make_app(**post_office.settings(port))
    with post_office.open_on(port, **wants()) as office:
        found = examine(app)[0]["mail"]

    assert not found["ok"] and "530" in str(found["words"])
    assert "MAIL_USE_TLS" in str(found["todo"]) and "MAIL_USERNAME" in str(found["todo"])
    assert office.asked == []


def test_a_key_that_is_no_key_is_found(make_app: MakeApp) -> None:
    assert not examine(make_app(SECRET_KEY="k" * 64))[0]["key"]["ok"]
    assert not examine(make_app(SECRET_KEY_FALLBACKS=[make_app().secret_key]))[0]["key"]["ok"]


@pytest.fixture
def served(make_app: MakeApp) -> Iterator[Callable[..., Flask]]:
    """Serve a site on loopback, behind so many proxies that each add where they were asked from."""
    servers = []

    def serve(declared: int, real: int, *, trusting: bool = True, strict: bool = True) -> Flask:
        port = post_office.free_port()
        address = f"http://localhost:{port}"
        app = make_app(PROXIES=declared, PUBLIC_URL=address, GATEHOUSE_ENV="production")
        inner = app.wsgi_app

        def behind(environ: dict[str, str], start: object) -> object:
            for _ in range(real):
                so_far = environ.get("HTTP_X_FORWARDED_FOR", "") if trusting else ""
                hops = [hop for hop in (so_far, "198.51.100.7") if hop]
                environ["HTTP_X_FORWARDED_FOR"] = ", ".join(hops)
                environ["HTTP_X_FORWARDED_PROTO"] = ", ".join(["https"] * real)
            if not strict:  # of two headers of one name in WSGI, the last is what granian keeps
                environ["HTTP_X_FORWARDED_FOR"] = proxies.DISGUISED
            return inner(environ, start)

        listening = make_server("127.0.0.1", port, behind)
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        servers.append((listening, thread))
        return app

    yield serve
    for listening, thread in servers:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.parametrize("real", [1, 2])
def test_proxies_are_counted_as_they_are(served: Callable[..., Flask], real: int) -> None:
    for declared in (0, 1, 2):
        found = examine(served(declared, real))[0]
        assert found["public address"]["ok"]
        assert found["proxies"]["ok"] is (declared == real), found["proxies"]
        if declared != real:
            assert f"PROXIES={real}" in str(found["proxies"]["todo"])


def test_a_proxy_that_writes_the_list_anew_counts_as_one(served: Callable[..., Flask]) -> None:
    assert examine(served(1, 1, trusting=False))[0]["proxies"]["ok"]


def test_a_proxy_that_lets_a_disguised_header_through_is_found(
    served: Callable[..., Flask],
) -> None:
    found = examine(served(1, 1, strict=False))[0]["proxies"]

    assert not found["ok"]
    assert "X_Forwarded_For" in str(found["words"]) and "underscore" in str(found["todo"])


def test_an_address_that_leads_nowhere_is_found(make_app: MakeApp) -> None:
    address = f"https://localhost:{post_office.free_port()}"
    found, result = examine(make_app(GATEHOUSE_ENV="production", PUBLIC_URL=address))

    assert result.exit_code == 1
    assert not found["public address"]["ok"] and not found["proxies"]["ok"]
    assert found["proxies"]["todo"] == "Mend the public address first."


def test_only_whoever_has_the_key_is_told_what_the_site_sees(app: Flask) -> None:
    client = app.test_client()
    with app.app_context():
        question = proxies.question()

    assert client.get("/up", headers=question).json["proxies"] == 0
    for forged in ("", "1", question[proxies.ASKED][:-2], "ü"):
        assert client.get("/up", headers={proxies.ASKED: forged}).text == "up\n"
