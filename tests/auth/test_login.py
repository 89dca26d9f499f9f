"""Alice comes back."""

import datetime as dt

import pytest
import sqlalchemy as sa
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.security import generate_password_hash

from app import throttle
from app.accounts import hashing, sessions
from app.accounts.errors import WrongLogin
from app.accounts.models import User
from app.db import atomic, db
from tests.browser import Browser
from tests.conftest import counted
from tests.factories import PASSWORD, person

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https:evil.example",
    "http://[",
    "javascript:alert(1)",
    "//user@evil.example",
    "/\u3002evil.example/\u2028",
    " //evil.example",
    "/" + "a" * 600,
    "evil.example",
]


@pytest.mark.parametrize("identifier", ["alice", "ALICE", " alice ", "alice@example.com"])
def test_alice_logs_in_by_name_or_confirmed_address(
    browser: Browser, alice: User, identifier: str
) -> None:
    assert browser.log_in(identifier, PASSWORD).path == "/account"


def test_a_wrong_password_and_an_unknown_name_read_the_same(browser: Browser, alice: User) -> None:
    wrong = browser.log_in("alice", "wrong password, long enough")
    unknown = browser.log_in("nobody", "wrong password, long enough")

    assert wrong.status == unknown.status == 422
    assert wrong.text == unknown.text
    assert wrong.value("identifier") == "alice"
    assert wrong.value("password") == ""
    assert "If your email address is not confirmed yet, use your name." in wrong


@pytest.mark.parametrize("known", ["alice", "alice@example.com", "claimed@example.com"])
def test_known_and_unknown_cost_the_same_work(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    Browser(app.test_client()).sign_up("bob", email="claimed@example.com")
    browser = Browser(app.test_client())
    work = []
    for identifier in (known, "nobody"):
        browser.get("/login")
        with counted(app, monkeypatch) as notes:
            browser.log_in(identifier, "wrong password, long enough")
        work.append(notes)

    assert work[0] == work[1]
    assert work[0]["hashes"] == ["verify"]
    assert len(work[0]["sql"]) > 3


def test_registering_a_known_and_an_unknown_address_costs_the_same_work(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = []
    for name, email in (("bob", alice.email), ("carol", "carol@example.com")):
        with counted(app, monkeypatch) as notes:
            Browser(app.test_client()).sign_up(name, email=email)
        work.append(notes)

    assert work[0] == work[1]
    assert work[0]["hashes"] == ["hash"]


@pytest.mark.parametrize(
    "typed",
    [PASSWORD[:-1], PASSWORD + " ", PASSWORD + "\0", PASSWORD.swapcase(), " " + PASSWORD, ""],
)
def test_a_password_is_checked_to_the_letter(browser: Browser, alice: User, typed: str) -> None:
    assert browser.log_in("alice", typed).status == 422


def test_a_long_password_is_not_cut(browser: Browser, app: Flask) -> None:
    long = "purple monkey dishwasher " * 10
    with app.app_context():
        person("bob", password=long)

    assert browser.log_in("bob", long[:99]).status == 422
    assert browser.log_in("bob", long[:-1] + "x").status == 422
    assert browser.log_in("bob", long).path == "/account"


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("cafe\u0301 au lait on ice", "caf\u00e9 au lait on ice"),
        ("caf\u00e9 au lait on ice", "cafe\u0301 au lait on ice"),
        ("\uff43\uff41\uff46\uff45 au lait on ice", "cafe au lait on ice"),
        ("\ufb01fteen little fishes", "fifteen little fishes"),
    ],
)
def test_a_password_can_be_typed_on_any_keyboard(
    browser: Browser, app: Flask, chosen: str, typed: str
) -> None:
    with app.app_context():
        person("bob", password=chosen)

    assert browser.log_in("bob", typed).path == "/account"


def test_a_password_does_not_grow_old(browser: Browser, app: Flask, alice: User) -> None:
    with time_machine.travel(NOW + dt.timedelta(days=3650), tick=False):
        assert browser.log_in("alice", PASSWORD).path == "/account"


def test_ten_failures_close_an_account_s_door_for_a_quarter_of_an_hour(
    app: Flask, alice: User
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(10):
            thief = Browser(app.test_client(), ip=f"192.0.2.{number}")
            assert thief.log_in("alice", "not the password").status == 422

        right = Browser(app.test_client(), ip="192.0.2.99").log_in("alice", PASSWORD)
        assert right.status == 429
        assert right.headers["Retry-After"] == "900"
        assert "Try again in 15 minutes." in right

        clock.shift(dt.timedelta(minutes=15))
        assert Browser(app.test_client()).log_in("alice", PASSWORD).path == "/account"


def test_somebody_unknown_meets_the_same_limit(app: Flask, alice: User) -> None:
    browser = Browser(app.test_client())
    pages = {}
    with time_machine.travel(NOW, tick=False):
        for identifier in ("alice", "nobody"):
            for _ in range(10):
                browser.log_in(identifier, "not the password")
            pages[identifier] = browser.log_in(identifier, "not the password")

    assert pages["alice"].status == pages["nobody"].status == 429
    assert pages["alice"].text == pages["nobody"].text


def test_over_a_limit_nothing_is_checked(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app.test_client())
    for _ in range(10):
        browser.log_in("alice", "not the password")
    with counted(app, monkeypatch) as notes:
        assert browser.log_in("alice", PASSWORD).status == 429

    assert notes["hashes"] == []
    assert not any('FROM "user"' in statement for statement in notes["sql"])


def test_five_thousand_failures_anywhere_close_the_door_for_everybody(
    app: Flask, alice: User
) -> None:
    @atomic
    def fail(times: int) -> None:
        for _ in range(times):
            throttle.used_of(throttle.LOGIN_SITE, "site")

    with app.app_context():
        fail(4999)
    assert Browser(app.test_client()).log_in("alice", PASSWORD).path == "/account"
    with app.app_context():
        fail(1)
    assert Browser(app.test_client()).log_in("alice", PASSWORD).status == 429


def test_spellings_of_a_name_share_one_budget(app: Flask, alice: User) -> None:
    browser = Browser(app.test_client())
    for spelling in ["alice", "ALICE", " alice", "ａlice", "Alice "] * 2:
        assert browser.log_in(spelling, "not the password").status == 422

    assert browser.log_in("aLiCe", PASSWORD).status == 429


def test_thirty_failures_close_an_address_and_an_ipv6_network_counts_as_one(
    app: Flask, alice: User
) -> None:
    for number in range(30):
        thief = Browser(app.test_client(), ip=f"2001:db8:1:1::{number:x}")
        assert thief.log_in(f"name{number}", "not the password").status == 422

    assert Browser(app.test_client(), ip="2001:db8:1:1::ffff").log_in("x", "y").status == 429
    neighbour = Browser(app.test_client(), ip="2001:db8:1:2::1")
    assert neighbour.log_in("alice", PASSWORD).path == "/account"


def test_only_failures_count_and_a_success_forgives_no_failure(app: Flask, alice: User) -> None:
    browser = Browser(app.test_client())
    for _ in range(9):
        browser.log_in("alice", "not the password")
    for _ in range(3):
        assert browser.log_in("alice", PASSWORD).path == "/account"
        browser.log_out()
    browser.log_in("alice", "not the password")

    assert browser.log_in("alice", PASSWORD).status == 429


def test_a_header_that_nobody_vouches_for_does_not_move_the_address(
    app: Flask, alice: User
) -> None:
    browser = Browser(app.test_client())
    page = browser.get("/login")
    form = page.form_with("identifier")["fields"]
    for number in range(31):
        answers = form | {"identifier": f"name{number}", "password": "not the password"}
        page = browser.post("/login", answers, headers={"X-Forwarded-For": f"198.51.100.{number}"})

    assert page.status == 429


@pytest.mark.usefixtures("full_hashes")
@pytest.mark.parametrize("method", ["scrypt:32768:8:1", "pbkdf2:sha256:600000", "argon2id"])
def test_old_hashes_open_the_door_and_are_made_new(
    app: Flask, browser: Browser, method: str
) -> None:
    weaker = PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1)
    old = generate_password_hash("short", method) if ":" in method else weaker.hash("short")
    with app.app_context():
        replace_hash(person("bob"), old)

    assert browser.log_in("bob", "short").path == "/account"
    with app.app_context():
        stored = db.session.scalar(sa.select(User.password_hash).where(User.name == "bob"))
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert hashing.matches(stored, "short")


@pytest.mark.parametrize("stored", [None, "!", "", "$argon2id$broken", "scrypt:broken"])
def test_an_account_without_a_usable_hash_stays_closed(
    app: Flask, browser: Browser, stored: str | None
) -> None:
    with app.app_context():
        replace_hash(person("bob"), stored)

    for typed in ("!", "", "None", "broken"):
        assert browser.log_in("bob", typed).status == 422


@atomic
def replace_hash(user: User, stored: str | None) -> None:
    user.password_hash = stored


def test_a_page_that_was_asked_for_is_reached_after_logging_in(
    browser: Browser, alice: User
) -> None:
    page = browser.get("/account/password")
    assert page.path == "/login"

    page = browser.fill(page, identifier="alice", password=PASSWORD)

    assert page.path == "/account/password"


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_next_never_leads_away(browser: Browser, alice: User, elsewhere: str) -> None:
    page = browser.get("/login", query_string={"next": elsewhere})
    page = browser.fill(page, identifier="alice", password=PASSWORD)

    assert page.path == "/account"
    assert page.response.request.host == "localhost"


def test_a_nul_in_the_name_finds_nobody(browser: Browser, alice: User) -> None:
    assert browser.log_in("ali\0ce", PASSWORD).status == 422


def test_no_account_comes_with_the_site(app: Flask) -> None:
    for name in ("admin", "administrator", "root", "user", "test", "guest", "gatehouse"):
        for password in (name, "password", "admin", "", "changeme"):
            page = Browser(app.test_client(), ip=f"192.0.2.{len(name)}").log_in(name, password)
            assert page.status in {422, 429}


def test_empty_fields_are_named(browser: Browser) -> None:
    page = browser.log_in("", "")

    assert page.status == 422
    assert page.text.count("Enter your name or email address.") == 2
    assert page.text.count("Enter your password.") == 2


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t", "\u2003 "])
def test_a_blank_name_that_is_nobody_s_fails_like_any_other(
    browser: Browser, alice: User, blank: str
) -> None:
    # Not as an empty field: the tutorial let anybody be called that.
    page, unknown = browser.log_in(blank, PASSWORD), browser.log_in("nobody", PASSWORD)

    assert page.status == unknown.status == 422
    assert page.text == unknown.text


def test_over_the_limit_nothing_that_was_typed_is_lost(browser: Browser, alice: User) -> None:
    for _ in range(11):
        page = browser.log_in("alice", "not the password", remember=True)

    assert page.status == 429
    assert page.title.startswith("Error: ")
    assert page.text.count("Nothing was checked. Try again in") == 1
    assert (page.value("identifier"), page.value("remember")) == ("alice", "y")


def test_a_form_that_is_refused_at_the_last_moment_can_be_sent_again(
    browser: Browser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed_meanwhile(*args: object, **kwargs: object) -> None:
        raise WrongLogin

    with monkeypatch.context() as patch:
        patch.setattr(sessions, "start", changed_meanwhile)
        page = browser.log_in("alice", PASSWORD)
    assert page.status == 422

    assert browser.fill(page, identifier="alice", password=PASSWORD).path == "/account"
