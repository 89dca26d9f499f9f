"""Secrets that are mailed, on each database: what finds one, what spends it, what kills it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app import clock
from app.accounts import passwords, tokens
from app.accounts.errors import CodeExpired, LinkExpired, WrongCode
from app.accounts.models import User, UserToken
from app.accounts.tokens import Issued, Purpose
from app.db import atomic, db
from tests import factories

RESET, VERIFY, SETUP = Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.SETUP


@atomic
def issue(purpose: str, user: User | None) -> Issued:
    return tokens.issue(purpose, user, address=user.email if user else None)


@atomic
def redeem(purpose: str, secret: str) -> UserToken:
    return tokens.redeem(purpose, secret)


@atomic
def change(user: User, **columns: object) -> None:
    for column, value in columns.items():
        setattr(user, column, value)


def test_a_link_is_found_and_spent_once(each_domain: Flask) -> None:
    alice = factories.person("alice")
    secret = issue(RESET, alice).secret

    assert tokens.peek(RESET, secret) is not None
    assert redeem(RESET, secret).user_id == alice.id
    assert tokens.peek(RESET, secret) is None
    with pytest.raises(LinkExpired):
        redeem(RESET, secret)


def test_the_first_administrator_s_link_has_nobody_and_no_end(each_domain: Flask) -> None:
    factories.person("alice")
    before, secret = issue(SETUP, None).secret, issue(SETUP, None).secret

    with time_machine.travel(clock.now() + timedelta(days=1000)):
        assert tokens.peek(SETUP, before) is None
        assert redeem(SETUP, secret).user_id is None


def test_a_newer_link_kills_the_older_of_its_kind_and_of_nobody_else(domain: Flask) -> None:
    alice, bob = factories.person("alice"), factories.person("bob")
    older, of_bob = issue(RESET, alice).secret, issue(RESET, bob).secret
    newer = issue(RESET, alice).secret

    assert tokens.peek(RESET, older) is None
    assert tokens.peek(RESET, newer) is not None
    assert tokens.peek(RESET, of_bob) is not None


def test_a_refused_redemption_spends_nothing(domain: Flask) -> None:
    secret = issue(RESET, factories.person("alice")).secret

    with pytest.raises(LinkExpired):
        redeem(VERIFY, secret)

    assert tokens.peek(RESET, secret) is not None


@pytest.mark.parametrize(
    "columns",
    [
        {"deactivated_at": clock.now()},
        {"email": "else@example.com", "email_key": "else@example.com"},
        {"email": None, "email_key": None},
    ],
)
def test_a_link_dies_with_what_it_was_bound_to(domain: Flask, columns: dict[str, object]) -> None:
    alice = factories.person("alice")
    secret = issue(RESET, alice).secret

    change(alice, **columns)

    assert tokens.peek(RESET, secret) is None
    with pytest.raises(LinkExpired):
        redeem(RESET, secret)


def test_what_is_no_secret_finds_nothing(each_domain: Flask) -> None:
    issue(RESET, factories.person("alice"))

    for secret in ["", " ", "\0", "x" * 100_000, "\ud800", "ÄÖÜ", "' OR 1=1 --"]:
        assert tokens.peek(RESET, secret) is None
        with pytest.raises(LinkExpired):
            redeem(RESET, secret)


def test_a_code_is_eight_letters_of_which_none_looks_like_another() -> None:
    codes = {tokens.new_code() for _ in range(200)}

    assert len(codes) == 200
    assert all(len(code) == 8 for code in codes)
    assert not set("".join(codes)) & set("AEIOUY0123456789")


def test_two_people_with_one_code_have_two_digests(domain: Flask) -> None:
    alice, bob = factories.person("alice"), factories.person("bob")

    assert tokens.code_digests(alice, "BCDFGHJK")[0] != tokens.code_digests(bob, "BCDFGHJK")[0]


def test_ten_guesses_side_by_side_are_five_tries(each_app: Flask) -> None:
    with each_app.app_context():
        bob_id = factories.claimant("bob").id
    together = Barrier(10)

    def guess(number: int) -> type[Exception]:
        with each_app.app_context():
            bob = db.session.get_one(User, bob_id)
            together.wait()
            try:
                tokens.count_try(bob)
            except CodeExpired:
                return CodeExpired
            return WrongCode

    with ThreadPoolExecutor(10) as guessers:
        answers = list(guessers.map(guess, range(10)))
    assert answers.count(WrongCode) == tokens.CODE_TRIES


def test_two_links_asked_for_at_once_leave_one(each_app: Flask) -> None:
    """Of the same purpose and person: "the newest only" holds however close they come."""
    with each_app.app_context():
        alice_id = factories.person("alice").id
    together = Barrier(4)

    def ask(number: int) -> str:
        with each_app.app_context():
            alice = db.session.get_one(User, alice_id)
            together.wait()
            return issue(RESET, alice).secret

    for _ in range(5):
        with ThreadPoolExecutor(4) as people:
            secrets = list(people.map(ask, range(4)))
        with each_app.app_context():
            assert sum(tokens.peek(RESET, secret) is not None for secret in secrets) == 1


def test_a_change_of_the_password_kills_every_link(domain: Flask) -> None:
    alice = factories.person("alice")
    secret = issue(RESET, alice).secret
    session = factories.session(alice)

    passwords.change(
        alice,
        factories.PASSWORD,
        "orchard lantern seven",
        by=factories.visitor(),
        keep=session,
    )

    assert db.session.scalar(sa.select(sa.func.count(UserToken.id))) == 0
    assert tokens.peek(RESET, secret) is None
