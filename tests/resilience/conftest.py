"""A site whose database is behind a proxy, and what is looked up without it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.db import db, patience
from tests import factories
from tests.conftest import site_on
from tests.resilience import proxy
from tests.resilience.proxy import Proxy
from tests.services import scratch_database


@dataclass
class Behind:
    """The site, the proxy before its database, and the database itself."""

    app: Flask
    proxy: Proxy
    url: str
    visitors: int = 0

    def rows(self, statement: str) -> list[Any]:
        """Return what is in the database, asked without the proxy."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.exec_driver_sql(statement).all())

    def visitor(self) -> "Visitor":
        """Return somebody at an address of their own, so that no limit is in the way."""
        self.visitors += 1
        return Visitor(self, f"2001:db8:{self.visitors:x}::1")


@dataclass
class Visitor:
    behind: Behind
    ip: str

    def __post_init__(self) -> None:
        self.client = self.behind.app.test_client()

    def get(self, address: str) -> TestResponse:
        return self.client.get(address, environ_overrides={"REMOTE_ADDR": self.ip})

    def post(self, address: str, **answers: str) -> TestResponse:
        return self.client.post(
            address,
            data=answers,
            headers={"Sec-Fetch-Site": "same-origin"},
            environ_overrides={"REMOTE_ADDR": self.ip},
        )

    def log_in(self, name: str = "alice") -> TestResponse:
        return self.post("/login", identifier=name, password=factories.PASSWORD)

    def register(self, name: str) -> TestResponse:
        return self.post(
            "/register", name=name, email=f"{name}@example.com", password=factories.PASSWORD
        )


@pytest.fixture(params=["postgresql", "mariadb"])
def behind(
    request: pytest.FixtureRequest,
    head_of: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Behind]:
    """A site with Alice on either of the servers, behind a proxy; its patience is short."""
    monkeypatch.setattr(patience, "PAGE", 0.8)
    monkeypatch.setattr(patience, "AGAIN", 0.0)  # what has recovered is asked at once
    with scratch_database(request.param, copy_of=head_of(request.param)) as direct:
        url = sa.make_url(direct)
        with proxy.before(str(url.host), url.port or 0) as stands:
            through = url.set(host="127.0.0.1", port=stands.port)
            # Tokens are for browsers; what is tested here is what happens behind the form.
            app = site_on(through.render_as_string(hide_password=False), WTF_CSRF_ENABLED=False)
            with app.app_context():
                factories.person("alice")
            yield Behind(app, stands, direct)
            stands.recover()
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
