"""The operator's door."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from app.accounts.models import User
from app.db import atomic, db
from tests.browser import Browser
from tests.conftest import site_on
from tests.factories import PASSWORD
from tests.outbox import Outbox


def run(app: Flask, *arguments: str, typed: str = "") -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["user", *arguments], input=typed)
    return result.exit_code, result.output


def test_an_address_that_the_operator_gives_counts_as_confirmed(app: Flask) -> None:
    code, output = run(
        app,
        "create",
        "ada",
        "--email",
        "ada@example.com",
        "--password-stdin",
        typed=PASSWORD + "\n",
    )

    assert code == 0 and "ada@example.com" in output
    assert Browser(app.test_client()).log_in("ada@example.com", PASSWORD).path == "/account"


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["create", "alice", "--password-stdin"], PASSWORD, "This name is taken."),
        (["create", "a@b", "--password-stdin"], PASSWORD, "Enter a name without @."),
        (["create", "bob", "--password-stdin"], "short", "Use 15 characters or more."),
        (
            ["create", "bob", "--email", "alice@example.com", "--password-stdin"],
            PASSWORD,
            "belongs to another account",
        ),
        (["create", "bob"], "", "--password-stdin"),
        (["show", "nobody"], "", "Nobody has the id, name or confirmed address 'nobody'."),
        (["show", "9" * 5000], "", "Nobody has the id"),
        (["show", "\udcff\udcfe"], "", "Nobody has the id"),
    ],
)
def test_what_cannot_be_done_is_said_and_exits_with_1(
    app: Flask, alice: User, arguments: list[str], typed: str, words: str
) -> None:
    code, output = run(app, *arguments, typed=typed)

    assert code == 1
    assert words in output and "Traceback" not in output


def test_people_are_listed_a_page_at_a_time(app: Flask) -> None:
    for name in ("ada", "bob", "carol"):
        run(app, "create", name, "--password-stdin", typed=PASSWORD)

    _, output = run(app, "list", "--limit", "2", "--json")
    page = [json.loads(line) for line in output.splitlines()]
    assert [person["name"] for person in page] == ["ada", "bob"]

    _, output = run(app, "list", "--after", str(page[-1]["id"]))
    assert "carol" in output and "ada" not in output
    assert "flask user list --limit 2 --after 2" in run(app, "list", "--limit", "2")[1]


@pytest.mark.parametrize("who", ["1", "alice", "ALICE", "alice@example.com"])
def test_one_person_is_shown_with_what_happened(app: Flask, alice: User, who: str) -> None:
    code, output = run(app, "show", who, "--json")

    shown = json.loads(output)
    assert code == 0
    assert (shown["name"], shown["email"]) == ("alice", "alice@example.com")
    assert shown["history"][0]["event"] == "user.created"
    assert "password" not in output.replace("password.", "")
    assert "user.created by operator" in run(app, "show", who)[1]


@atomic
def add(name: str) -> None:
    db.session.add(User(name=name))


def test_a_terminal_is_not_told_what_to_do_by_a_name(app: Flask) -> None:
    with app.app_context():
        add("evil\x1b[2J")

    assert "\x1b" not in run(app, "list")[1]


def test_a_page_beyond_any_id_is_refused(app: Flask) -> None:
    assert run(app, "list", "--after", "9" * 30)[0] == 2


def test_whoever_has_an_address_chooses_their_own_password(
    app: Flask, browser: Browser, outbox: Outbox
) -> None:
    code, output = run(app, "create", "ada", "--email", "ada@example.com", "--admin")

    assert code == 0 and "We mailed them how to choose a password." in output
    browser.submit(outbox.link_to("ada@example.com"), email="ada@example.com")
    browser.submit(outbox.link_to("ada@example.com"), password=PASSWORD)
    assert browser.log_in("ada", PASSWORD).path == "/account"
    assert browser.get("/admin").status == 200


@pytest.mark.parametrize("given", [[], ["--email", "ada@example.com"]])
def test_a_password_is_asked_for_where_none_can_be_mailed(
    make_app: Callable[..., Flask], given: list[str]
) -> None:
    app = make_app(MAIL_SERVER="none" if given else "")

    code, output = run(app, "create", "ada", *given)

    assert code == 1 and "There is no terminal to ask on" in output


def test_passwords_are_never_taken_from_the_command_line(app: Flask) -> None:
    assert run(app, "create", "bob", "--password", PASSWORD)[0] == 2


def test_a_database_that_is_not_upgraded_is_said_in_a_sentence(database_url: str) -> None:
    code, output = run(site_on(database_url), "list")

    assert code == 1
    assert "run flask db upgrade" in output and "Traceback" not in output
