"""How an account comes to be: what is written down together, and what a refusal leaves."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from app import throttle
from app.accounts import hashing, registration, roles
from app.accounts.errors import (
    AddressRefused,
    AddressTaken,
    NameRefused,
    NameTaken,
    PasswordRefused,
    Refusal,
)
from app.accounts.models import Origin
from app.audit import Actor
from app.db import db
from app.throttle import Counter
from tests import factories
from tests.accounts.left import everything, mails, trail
from tests.factories import PASSWORD

OPERATOR, VISITOR = Actor.operator(), Actor.visitor("192.0.2.1")
BOB = {"name": "bob", "email": "bob@example.com", "password": PASSWORD}


def test_registering_writes_the_account_its_line_and_its_mail(each_domain: Flask) -> None:
    who = registration.register("  Bob ", "Bob@Example.COM", PASSWORD, by=VISITOR)

    bob = who.user
    assert (bob.name, bob.name_key, bob.origin) == ("Bob", "bob", Origin.REGISTRATION)
    assert (bob.email, bob.pending_email) == (None, "Bob@example.com")
    assert who.password_hash == bob.password_hash
    assert hashing.matches(bob.password_hash, PASSWORD)
    assert bob.created_at == bob.claimed_at == bob.last_seen_at
    assert trail() == [("user.registered", "visitor", "Bob", {"email": "Bob@example.com"})]
    assert mails() == [("verify", "Bob@example.com")]


def test_a_claim_of_an_address_that_has_an_owner_is_told_to_the_owner(domain: Flask) -> None:
    factories.person("alice")

    registration.register("mallory", "ALICE@example.com", PASSWORD, by=VISITOR)

    assert mails() == [("already_registered", "alice@example.com")]


@pytest.mark.parametrize(
    ("answers", "refusal"),
    [
        ({"name": "b@b"}, NameRefused),
        ({"name": "ALICE"}, NameTaken),
        ({"email": "bob"}, AddressRefused),
        ({"password": "short"}, PasswordRefused),
        ({"password": "bob@example.com"}, PasswordRefused),
    ],
)
def test_a_refused_registration_leaves_nothing(
    domain: Flask, answers: dict[str, str], refusal: type[Refusal]
) -> None:
    factories.person("alice")
    before = everything()

    with pytest.raises(refusal):
        registration.register(**(BOB | answers), by=VISITOR)

    assert everything() == before


def test_over_the_limit_of_a_place_nothing_is_left(domain: Flask) -> None:
    for number in range(throttle.SIGN_UP_PER_IP.tries):
        registration.register(f"bob {number}", "bob@example.com", PASSWORD, by=VISITOR)
    before = everything()

    with pytest.raises(throttle.Exceeded):
        registration.register(**BOB, by=VISITOR)

    assert everything() == before


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": "Alice", "email": "else@example.com"}, NameTaken),
        ({"name": "bob", "email": "ALICE@example.com"}, AddressTaken),
    ],
)
def test_where_two_are_as_quick_the_keys_decide_and_nothing_is_left(
    each_domain: Flask, given: dict[str, str], refusal: type[Refusal]
) -> None:
    factories.person("alice")
    before = everything()

    with pytest.raises(refusal):  # past the courtesy that looks whether a name is taken
        registration.insert(**given, password_hash=None, origin=Origin.OPERATOR, by=OPERATOR)

    assert everything() == before


def test_without_mail_the_address_is_taken_and_the_try_is_given_back(
    make_app: Callable[..., Flask],
) -> None:
    with make_app(MAIL_SERVER="none").app_context():
        alice = registration.register("alice", "alice@example.com", PASSWORD, by=VISITOR).user
        assert (alice.email, alice.pending_email) == ("alice@example.com", None)
        before = everything()

        with pytest.raises(AddressTaken):
            registration.register("bob", "Alice@example.com", PASSWORD, by=VISITOR)

        assert everything() == before
        assert db.session.scalars(sa.select(Counter.used)).all() == [1]
        assert mails() == []


def test_the_operator_vouches_for_an_address(domain: Flask) -> None:
    carol = registration.create("carol", "carol@example.com", None, by=OPERATOR)

    assert (carol.email, carol.pending_email) == ("carol@example.com", None)
    assert (carol.password_hash, carol.last_seen_at, carol.origin) == (None, None, Origin.OPERATOR)
    assert trail() == [("user.created", "operator", "carol", {"email": "carol@example.com"})]
    assert mails() == [("account_created", "carol@example.com")]


def test_an_administrator_is_one_from_the_first_moment(domain: Flask) -> None:
    root = registration.create("root", None, PASSWORD, by=OPERATOR, is_administrator=True)

    assert roles.roles_of(root) == [roles.ADMINISTRATOR]
    assert [event for event, *_ in trail()] == ["user.created", "role.granted"]
    assert mails() == []


def test_an_administrator_who_is_refused_leaves_no_role(domain: Flask) -> None:
    factories.person("alice")
    before = everything()

    with pytest.raises(AddressTaken):
        registration.create(
            "root", "alice@example.com", PASSWORD, by=OPERATOR, is_administrator=True
        )

    assert everything() == before
