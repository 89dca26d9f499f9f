"""The operator's door to people, roles and sessions: the same verbs as the pages."""

import json
from urllib.parse import urlsplit

import pytest
from flask import Flask

from app.accounts import registration
from app.accounts.models import User
from app.audit import Actor
from tests.browser import Browser
from tests.factories import PASSWORD, administrator, claimant, person

NEW = "purple monkey dishwasher"


def run(app: Flask, *arguments: str, typed: str = "") -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=arguments, input=typed)
    return result.exit_code, result.output


def shown(app: Flask, who: str) -> dict:
    return json.loads(run(app, "user", "show", who, "--json")[1])


def test_the_operator_makes_an_administrator(app: Flask, browser: Browser) -> None:
    code, _ = run(app, "user", "create", "ada", "--admin", "--password-stdin", typed=PASSWORD)

    assert code == 0
    assert shown(app, "ada")["roles"] == ["administrator"]
    assert "Roles: administrator" in run(app, "user", "show", "ada")[1]
    browser.log_in("ada", PASSWORD)
    assert browser.get("/admin").status == 200


def test_the_operator_deactivates_and_reactivates(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", PASSWORD)

    code, output = run(app, "user", "deactivate", "alice", "--reason", "Left the company")
    assert (code, output) == (0, "alice is deactivated. Sessions ended: 1.\n")
    assert not browser.is_logged_in()
    assert "Deactivated since" in run(app, "user", "show", "alice")[1]
    assert shown(app, "alice")["history"][0] | {"at": ""} == {
        "at": "",
        "event": "user.deactivated",
        "by": "operator",
    }

    assert run(app, "user", "reactivate", "alice", "--reason", "Is back")[0] == 0
    assert browser.log_in("alice", PASSWORD).path == "/account"


def test_the_operator_hands_over_a_link(app: Flask, browser: Browser, alice: User) -> None:
    code, output = run(app, "user", "reset-link", "alice", "--reason", "Lost the mailbox", "--json")

    assert code == 0
    browser.submit(urlsplit(json.loads(output)["link"]).path, password=NEW)
    assert browser.log_in("alice", NEW).path == "/account"


def test_the_operator_sets_a_password(app: Flask, browser: Browser, alice: User) -> None:
    browser.log_in("alice", PASSWORD)

    code, output = run(app, "user", "set-password", "alice", "--password-stdin", typed=NEW + "\n")

    assert code == 0 and NEW not in output
    assert not browser.is_logged_in()
    assert browser.log_in("alice", NEW).path == "/account"


def test_the_operator_vouches_for_an_address(app: Flask) -> None:
    with app.app_context():
        by = Actor.visitor("192.0.2.1")
        registration.register("bob", "bob@example.com", PASSWORD, by=by)

    code, output = run(app, "user", "confirm", "bob", "--reason", "Showed us the mail")

    assert (code, output) == (0, "bob has the address bob@example.com.\n")
    assert shown(app, "bob")["email"] == "bob@example.com"


def test_roles_are_listed_granted_and_revoked(app: Flask, alice: User) -> None:
    assert run(app, "role", "grant", "alice", "support") == (0, "alice holds: support\n")
    assert run(app, "role", "grant", "alice", "support") == (0, "alice held already: support\n")
    rows = [json.loads(line) for line in run(app, "role", "list", "--json")[1].splitlines()]
    assert [(row["name"], row["holders"]) for row in rows] == [("administrator", 0), ("support", 1)]
    assert rows[1]["permissions"] == ["audit.view", "mail.view", "users.edit", "users.view"]
    assert "everything" in run(app, "role", "list")[1]
    assert run(app, "role", "revoke", "alice", "support") == (0, "alice no longer holds: support\n")
    assert run(app, "role", "revoke", "alice", "support") == (0, "alice did not hold: support\n")


def test_sessions_are_listed_and_ended(app: Flask, alice: User) -> None:
    browsers = [Browser(app.test_client(), ip=f"192.0.2.{number}") for number in range(3)]
    for browser in browsers:
        browser.log_in("alice", PASSWORD)
    rows = [
        json.loads(line) for line in run(app, "session", "list", "alice", "--json")[1].splitlines()
    ]
    assert [row["ip"] for row in rows] == ["192.0.2.2", "192.0.2.1", "192.0.2.0"]
    assert "192.0.2.1" in run(app, "session", "list", "alice")[1]

    run(app, "session", "revoke", "alice", "--id", str(rows[0]["id"]))
    assert [browser.is_logged_in() for browser in browsers] == [True, True, False]
    assert run(app, "session", "revoke", "alice") == (0, "alice: sessions ended: 2\n")
    assert not any(browser.is_logged_in() for browser in browsers)


def test_a_program_reads_what_each_act_did(app: Flask, browser: Browser) -> None:
    with app.app_context():
        claimant("alice")
    browser.log_in("alice", PASSWORD)

    def told(*arguments: str, typed: str = "") -> dict:
        code, output = run(app, *arguments, "--json", typed=typed)
        assert code == 0, output
        return json.loads(output)

    why = ("--reason", "x")
    support = {"id": 1, "role": "support", "changed": True}
    assert told("user", "confirm", "alice", *why) == {"id": 1, "email": "alice@example.com"}
    assert told("role", "grant", "alice", "support") == support
    assert told("role", "grant", "alice", "support") == support | {"changed": False}
    assert told("role", "revoke", "alice", "support") == support
    assert told("session", "revoke", "alice") == {"id": 1, "sessions_ended": 1}
    assert told("user", "deactivate", "alice", *why) == {"id": 1, "sessions_ended": 0}
    assert told("user", "reactivate", "alice", *why) == {"id": 1}
    assert told("user", "set-password", "alice", "--password-stdin", typed=NEW) == {"id": 1}


def test_a_list_goes_on_as_it_was_asked_for(app: Flask) -> None:
    with app.app_context():
        for name in ("alice", "bob", "carol"):
            person(name)

    _, output = run(app, "user", "list", "--limit", "1")

    assert "flask user list --limit 1 --after 1" in output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["role", "revoke", "root", "administrator"], 1, "This is the last administrator."),
        (["user", "deactivate", "root", "--reason", "x"], 1, "This is the last administrator."),
        (["user", "reactivate", "root", "--reason", "x"], 1, "active already"),
        (["user", "confirm", "root", "--reason", "x"], 1, "No address of theirs"),
        (["user", "deactivate", "root", "--reason", " "], 1, "Enter a reason"),
        (["user", "deactivate", "root"], 2, "--reason"),
        (["user", "deactivate", "nobody", "--reason", "x"], 1, "Nobody has the id"),
        (["role", "grant", "root", "nonsense"], 1, "There is no role of that name."),
        (["session", "revoke", "root", "--id", "0"], 2, "--id"),
        (["user", "set-password", "root", "--password", NEW], 2, "No such option"),
        (["user", "set-password", "root"], 1, "--password-stdin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_said(
    app: Flask, arguments: list[str], code: int, words: str
) -> None:
    with app.app_context():
        administrator()

    result, output = run(app, *arguments)

    assert (result, words in output, "Traceback" in output) == (code, True, False), output


@pytest.mark.parametrize("command", ["set-password", "reset-link", "confirm", "deactivate"])
def test_each_command_shows_an_example(app: Flask, command: str) -> None:
    words = run(app, "user", command, "--help")[1].split()

    assert f"flask user {command} ada" in " ".join(words)


def test_a_name_does_not_steer_the_terminal(app: Flask) -> None:
    with app.app_context():
        person("alice")

    _, output = run(app, "role", "grant", "alice", "sup\x1b[2Jport")

    assert "\x1b" not in output
