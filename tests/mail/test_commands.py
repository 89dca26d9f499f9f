"""flask mail …: the operator sees what became of the mails, and sends one to see."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from app import jobs
from tests import post_office
from tests.mail.conftest import write
from tests.post_office import PostOffice


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["mail", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def app(make_app: Callable[..., Flask], port: int) -> Flask:
    return make_app(**post_office.settings(port))


def test_a_test_mail_says_what_the_server_said(app: Flask, office: PostOffice) -> None:
    code, output = run(app, "test", "alice@example.com")

    assert (code, output) == (0, "sent: 250 2.0.0 queued as 4711\n")
    assert office.took()[0]["To"] == "alice@example.com"
    with app.app_context():
        assert jobs.run_due() == 0


def test_a_program_reads_what_became_of_a_test_mail(app: Flask, office: PostOffice) -> None:
    office.answers = ["550 5.1.1 nobody here"]
    code, output = run(app, "test", "alice@example.com", "--json")
    outcome = {"state": "refused", "reason": "550 5.1.1 nobody here", "next_try_at": None}
    assert (code, json.loads(output)) == (1, outcome)

    code, output = run(app, "test", "alice@example.com", "--json")
    assert code == 0 and json.loads(output)["state"] == "sent"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("550 5.1.1 nobody here", "refused: 550 5.1.1 nobody here"),
        ("451 later", "deferred: 451 later Next try at 20"),
    ],
)
def test_a_test_mail_that_does_not_go_out_fails(
    app: Flask, office: PostOffice, answer: str, words: str
) -> None:
    office.answers = [answer]
    code, output = run(app, "test", "alice@example.com")

    assert code == 1 and words in output


def test_a_server_that_is_down_is_said(app: Flask) -> None:
    code, output = run(app, "test", "alice@example.com")

    assert code == 1 and "Connection refused" in output and "Traceback" not in output


def test_without_a_server_it_says_where_to_read_the_mail(make_app: Callable[..., Flask]) -> None:
    code, output = run(make_app(), "test", "alice@example.com")

    assert code == 0 and "http://localhost:5000/dev/mail" in output


@pytest.mark.parametrize(
    ("settings", "address", "words"),
    [
        ({"MAIL_SERVER": "none"}, "alice@example.com", "sends no mail"),
        ({}, "alice", "in the correct format"),
    ],
)
def test_what_cannot_be_sent_is_said(
    make_app: Callable[..., Flask], settings: dict[str, str], address: str, words: str
) -> None:
    code, output = run(make_app(**settings), "test", address)

    assert code == 1 and words in output


def test_mails_are_listed_a_page_at_a_time(app: Flask, office: PostOffice) -> None:
    with app.app_context():
        for _ in range(3):
            write()
        jobs.run_due()
        write("bob@example.com")

    _, output = run(app, "list", "--state", "sent", "--json")
    rows = [json.loads(line) for line in output.splitlines()]
    assert [(row["id"], row["state"]) for row in rows] == [(3, "sent"), (2, "sent"), (1, "sent")]
    assert "sealed" not in output

    output = run(app, "list", "--limit", "2")[1]
    assert "bob@example.com" in output
    cursor = output.split("--cursor ")[1].strip()
    assert "bob@example.com" not in run(app, "list", "--cursor", cursor)[1]
    output = run(app, "list", "--limit", "2", "--state", "sent")[1]
    assert "flask mail list --state sent --limit 2 --cursor " in output


def test_a_mail_that_was_put_off_is_tried_again(app: Flask, port: int) -> None:
    with app.app_context():
        write()
        jobs.run_due()

    assert run(app, "retry", "1", "--json") == (0, '{"id": 1}\n')
    assert run(app, "retry", "1")[0] == 1
    assert run(app, "retry", "9" * 30)[0] == 2
    with post_office.open_on(port) as office, app.app_context():
        jobs.run_due()
    assert len(office.took()) == 1
