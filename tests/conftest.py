"""What every test may ask for: a site of its own, a browser, and people."""

import functools
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
import zxcvbn
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from app import create_app
from app.accounts import hashing
from app.accounts.models import User
from app.cli import worker
from app.db import db
from app.web import access_log
from tests import factories
from tests.browser import Browser
from tests.outbox import Outbox
from tests.services import ENGINES, emptied, pytest_terminal_summary, scratch_database
from tests.spare import Spare

__all__ = ["pytest_terminal_summary", "worker"]  # with whom the jobs of a worker are known

AS_SERVED = hashing.ARGON2, hashing.DUMMY
CHEAP = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)


def hash_with(patch: pytest.MonkeyPatch, hasher: PasswordHasher, dummy: str) -> None:
    patch.setattr(hashing, "ARGON2", hasher)
    patch.setattr(hashing, "DUMMY", dummy)


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hash at almost no cost in this process; the processes that tests start hash as served."""
    with pytest.MonkeyPatch.context() as patch:
        hash_with(patch, CHEAP, CHEAP.hash("nobody's"))
        yield


@pytest.fixture(scope="session", autouse=True)
def estimates() -> Iterator[None]:
    """Estimate the strength of a password once: most people of the tests have the same."""

    @functools.cache
    def estimated(password: str, about: tuple[str, ...]) -> dict[str, Any]:
        return strength(password, user_inputs=list(about))

    strength = zxcvbn.zxcvbn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            zxcvbn, "zxcvbn", lambda word, user_inputs: estimated(word, tuple(sorted(user_inputs)))
        )
        yield


@pytest.fixture
def full_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at the cost that the site hashes at."""
    hash_with(monkeypatch, *AS_SERVED)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the three engines in turn."""
    return request.param


@pytest.fixture(scope="session")
def bare_postgresql() -> Iterator[str]:
    """Return the URL of a database to be emptied: making one takes PostgreSQL ten times as long."""
    with scratch_database("postgresql") as url:
        yield url


@pytest.fixture
def postgresql_url(bare_postgresql: str) -> str:
    """Return the URL of an empty database of PostgreSQL."""
    return emptied(bare_postgresql)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of an empty scratch database, on each of the three engines in turn."""
    if engine == "postgresql":
        yield request.getfixturevalue("postgresql_url")
        return
    with scratch_database(engine) as url:
        yield url


@pytest.fixture(scope="session")
def head_of() -> Iterator[Callable[[str], str]]:
    """Return what gives the URL of a database at head, to be copied: upgrading once is enough."""
    with made_once(flask_migrate.upgrade) as head:
        yield head


@contextmanager
def made_once(fill: Callable[[], None]) -> Iterator[Callable[[str], str]]:
    """Yield what gives the URL of a database of an engine that `fill` filled, to be copied."""
    with ExitStack() as made:

        @functools.cache
        def original(engine: str) -> str:
            url = made.enter_context(scratch_database(engine))
            with site_on(url).app_context():
                fill()
                db.engine.dispose()
            return url

        yield original


class Compiled(BytecodeCache):
    """What templates were compiled to in this process, by their text: once for all of its sites."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.codes[bucket.key, bucket.checksum] = bucket.code


compiled = Compiled()


@pytest.fixture(scope="session", autouse=True)
def compiled_routes() -> Iterator[None]:
    """Compile what builds the addresses of a route once, not for each site of each test."""
    known: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Any:
        key = rule.rule, str(rule._trace), str(rule.defaults), append_unknown
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", remembered)
        yield


def site_on(url: str, **config: object) -> Flask:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, **config})
    app.jinja_env.bytecode_cache = compiled
    return app


def upgraded(app: Flask) -> Flask:
    with app.app_context():
        flask_migrate.upgrade()
    return app


@pytest.fixture
def make_app(head_of: Callable[[str], str], tmp_path: Path) -> Callable[..., Flask]:
    """Return a function that makes a site on a fresh SQLite database, configured as told."""

    def make(**config: object) -> Flask:
        path = tmp_path / "site.db"
        if not path.exists():
            shutil.copy(str(sa.make_url(head_of("sqlite")).database), path)
        return site_on(f"sqlite:///{path}", **config)

    return make


@pytest.fixture(scope="session")
def spare_of(head_of: Callable[[str], str]) -> Iterator[Callable[[str], Spare]]:
    """Return what gives the site at head, on an engine, that is there for any test."""
    with ExitStack() as made:

        @functools.cache
        def spare(engine: str) -> Spare:
            url = made.enter_context(scratch_database(engine, copy_of=head_of(engine)))
            app = site_on(url)
            made.callback(let_go, app)
            return Spare(app)

        yield spare


def let_go(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(
    request: pytest.FixtureRequest,
    make_app: Callable[..., Flask],
    spare_of: Callable[[str], Spare],
) -> Flask:
    """A site on SQLite. No application context: requests would share it, and whom they saw."""
    return make_app() if is_to_be_changed(request) else spare_of("sqlite").as_new()


def is_to_be_changed(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("own_site") is not None


@pytest.fixture
def domain(app: Flask) -> Iterator[Flask]:
    """The same site with an application context, for verbs called without a browser."""
    with app.app_context():
        yield app


@pytest.fixture
def each_app(
    engine: str, request: pytest.FixtureRequest, spare_of: Callable[[str], Spare]
) -> Iterator[Flask]:
    """A site at head on each of the three engines in turn."""
    if engine == "sqlite":
        yield request.getfixturevalue("app")
        return
    app = spare_of(engine).as_new()
    if is_to_be_changed(request):
        app = site_on(app.config["SQLALCHEMY_DATABASE_URI"])
    yield app
    let_go(app)


@pytest.fixture
def each_domain(each_app: Flask) -> Iterator[Flask]:
    """The same with an application context, for verbs called without a browser."""
    with each_app.app_context():
        yield each_app


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def another_browser(app: Flask) -> Browser:
    return Browser(app.test_client(), ip="192.0.2.7")


@pytest.fixture
def alice(app: Flask) -> User:
    """Alice has a confirmed address and the password factories.PASSWORD."""
    with app.app_context():
        return factories.person("alice")


@pytest.fixture
def outbox(app: Flask) -> Outbox:
    """The mails of `app`; `Outbox(each_app)` has those of another site."""
    return Outbox(app)


@contextmanager
def counted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """Note each SQL statement and each use of the hash while the block runs."""
    with app.app_context():
        engine = db.engine
    notes: dict[str, list[str]] = {"sql": [], "hashes": []}

    def note_sql(connection: object, cursor: object, statement: str, *rest: object) -> None:
        notes["sql"].append(" ".join(statement.split()))

    class Counting:
        """The real hasher, counted: what it does is not replaced."""

        def __getattr__(self, name: str) -> object:
            if name in {"hash", "verify"}:
                notes["hashes"].append(name)
            return getattr(hasher, name)

    hasher = hashing.ARGON2
    with monkeypatch.context() as patch:
        patch.setattr(hashing, "ARGON2", Counting())
        sa.event.listen(engine, "before_cursor_execute", note_sql)
        try:
            yield notes
        finally:
            sa.event.remove(engine, "before_cursor_execute", note_sql)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Undo what a production site does to the log of the whole process."""
    loggers = [logging.getLogger(name) for name in ("app", "alembic")]
    levels = [logger.level for logger in loggers]
    yield
    logging.getLogger().removeHandler(access_log.lines)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
