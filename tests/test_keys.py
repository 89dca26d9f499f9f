"""A new SECRET_KEY: nobody is logged out, nothing sealed is lost, and the old key can be let go."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

import config
from app import crypto
from app.accounts import confirmation, registration, resealing, tokens
from app.accounts.models import HeldForm, User
from app.db import atomic, db
from app.mail import Mail
from tests import factories
from tests.browser import Browser
from tests.conftest import site_on, upgraded
from tests.outbox import Outbox
from tests.test_config import GOOD

OLD, NEW = "o1" * 32, "n2" * 32
MakeApp = Callable[..., Flask]


def before(make_app: MakeApp) -> Flask:
    return make_app(SECRET_KEY=OLD)


def after(make_app: MakeApp, *fallbacks: str) -> Flask:
    return make_app(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=list(fallbacks))


def moved(browser: Browser, app: Flask) -> Browser:
    """Return the same browser, cookies and all, in front of another release of the site."""
    return Browser(app.test_client()).with_cookies_of(browser)


@pytest.fixture
def ada(make_app: MakeApp) -> User:
    with before(make_app).app_context():
        return factories.person("ada")


def test_a_browser_stays_logged_in_and_its_open_form_still_works(
    make_app: MakeApp, ada: User
) -> None:
    browser = Browser(before(make_app).test_client())
    browser.log_in("ada", factories.PASSWORD)
    form = browser.get("/account/appearance").form_with("theme")
    later = moved(browser, after(make_app, "x" * 64, OLD))

    assert later.is_logged_in()
    assert later.post("/account/appearance", form["fields"] | {"theme": "dark"}).status == 200
    assert not moved(browser, after(make_app)).is_logged_in()


def test_a_code_that_was_mailed_under_the_old_key_is_accepted_once(make_app: MakeApp) -> None:
    app = before(make_app)
    with app.app_context():
        bob = registration.register(
            "bob", "bob@example.com", factories.PASSWORD, by=factories.visitor()
        ).user
    code = Outbox(app).code_to("bob@example.com").replace("-", "")

    with after(make_app).app_context(), pytest.raises(tokens.WrongCode):
        redeem(bob, code)
    with after(make_app, OLD).app_context():
        assert redeem(bob, code)
        with pytest.raises(tokens.WrongCode):
            redeem(bob, code)


@atomic
def redeem(user: User, code: str) -> object:
    return tokens.redeem_code(db.session.get(User, user.id), code)


def fill(app: Flask) -> None:
    """Write more of what is sealed than one batch, and a mail that was sent and erased."""
    user = factories.person("carol")
    session = factories.session(user)
    confirmation.hold(session, confirmation.Held("/account", [("a", "b")]), by=factories.visitor())
    copy_mails(resealing.BATCH + 5)


@atomic
def copy_mails(number: int) -> None:
    factory = {"kind": "verify", "recipient": "c@example.com", "recipient_key": "c@example.com"}
    for count in range(number):
        mail = Mail(**factory, language="en", state="queued", attempts=0)
        mail.sealed = crypto.seal('{"a": "ü"}') if count else None
        mail.created_at = mail.expires_at = resealing_moment()
        db.session.add(mail)


def resealing_moment() -> object:
    return db.session.scalar(sa.select(User.created_at).limit(1))


def sealed() -> list[str]:
    found = []
    for column in resealing.SEALED:
        found += db.session.scalars(sa.select(column).where(column.is_not(None))).all()
    return found


def test_everything_is_sealed_again_on_every_engine(database_url: str) -> None:
    app = upgraded(site_on(database_url, SECRET_KEY=OLD))
    with app.app_context():
        fill(app)
        texts = sorted(crypto.unseal(text) for text in sealed())
        assert len(texts) > resealing.BATCH
        db.engine.dispose()

    rotated = site_on(database_url, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD])
    with rotated.app_context():
        assert sum(progress.done for progress in resealing.reseal_all()) == len(texts)
        assert sum(progress.done for progress in resealing.reseal_all()) == 0
        db.engine.dispose()

    without = site_on(database_url, SECRET_KEY=NEW)
    with without.app_context():
        assert sorted(crypto.unseal(text) for text in sealed()) == texts
        db.engine.dispose()


def test_a_mail_that_was_sent_meanwhile_stays_erased(domain: Flask) -> None:
    factories.person("carol")
    copy_mails(2)
    mail = db.session.scalars(sa.select(Mail).where(Mail.sealed.is_not(None))).one()
    read = resealing.Resealed(mail.id, mail.sealed, crypto.seal("new"))
    erase(mail.id)

    assert resealing.write(Mail.sealed, [read]) == 0
    assert sealed() == []


@atomic
def erase(mail_id: int) -> None:
    db.session.get(Mail, mail_id).sealed = None


def test_what_no_key_opens_is_said_and_left_alone(make_app: MakeApp) -> None:
    with before(make_app).app_context():
        factories.person("carol")
        copy_mails(2)
        kept = sealed()
    app = after(make_app)

    said = app.test_cli_runner().invoke(args=["key", "reseal"])

    assert said.exit_code == 1
    assert "1 are opened by none of the 1 keys" in said.output
    with app.app_context():
        assert sealed() == kept


def test_every_sealed_column_is_known() -> None:
    columns = {
        str(column)
        for table in db.metadata.sorted_tables
        for column in table.c
        if "sealed" in column.name
    }
    assert columns == {f"{c.class_.__tablename__}.{c.key}" for c in resealing.SEALED}
    assert str(HeldForm.__table__.c.sealed) in columns


def test_keys_before_are_whole_keys() -> None:
    loaded = config.load(GOOD | {"SECRET_KEY_FALLBACKS": f"{OLD}, {NEW}"})

    assert loaded["SECRET_KEY_FALLBACKS"] == [OLD, NEW]
    assert config.load(GOOD)["SECRET_KEY_FALLBACKS"] == []
    with pytest.raises(config.ConfigError, match="SECRET_KEY_FALLBACKS"):
        config.load(GOOD | {"SECRET_KEY_FALLBACKS": f"{OLD},short"})


def test_a_new_key_is_as_long_as_production_wants_it(app: Flask) -> None:
    runner = app.test_cli_runner()
    first, second = (runner.invoke(args=["key", "new"]).output.strip() for _ in range(2))

    assert first != second
    assert config.load(GOOD | {"SECRET_KEY": first})["SECRET_KEY"] == first
