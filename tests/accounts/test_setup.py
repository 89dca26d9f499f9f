"""The first administrator: whose link it is, what it makes, and what a refusal leaves of it."""

import pytest
from flask import Flask

from app.accounts import hashing, roles, setup
from app.accounts.errors import (
    AddressRefused,
    AddressTaken,
    LinkExpired,
    NameTaken,
    PasswordRefused,
    Refusal,
)
from app.accounts.models import Origin
from app.audit import Actor
from tests import factories
from tests.accounts.left import everything, mails, trail
from tests.factories import PASSWORD

OPERATOR, VISITOR = Actor.operator(), Actor.visitor("192.0.2.1")
ROOT = {"name": "root", "email": "root@example.com", "password": PASSWORD}


def new_secret() -> str:
    link = setup.make_link(by=OPERATOR)
    assert link is not None
    return link.rpartition("/")[2]


def test_the_link_makes_one_administrator(each_domain: Flask) -> None:
    secret = new_secret()
    assert setup.is_open(secret)
    assert trail() == [("setup.link_made", "operator", None, {})]

    who = setup.become_administrator(secret, **ROOT, by=VISITOR)

    root = who.user
    assert (root.email, root.pending_email) == ("root@example.com", None)
    assert (root.origin, roles.roles_of(root)) == (Origin.SETUP, [roles.ADMINISTRATOR])
    assert hashing.matches(who.password_hash, PASSWORD)
    assert [(event, by, on) for event, by, on, _ in trail()[1:]] == [
        ("user.created", "visitor", "root"),
        ("role.granted", "visitor", "root"),
    ]
    assert mails() == []
    assert not setup.is_open(secret)


def test_it_works_once(domain: Flask) -> None:
    secret = new_secret()
    setup.become_administrator(secret, **ROOT, by=VISITOR)
    before = everything()

    with pytest.raises(LinkExpired):
        setup.become_administrator(secret, "other", "other@example.com", PASSWORD, by=VISITOR)

    assert everything() == before


@pytest.mark.parametrize(
    ("answers", "refusal"),
    [
        ({"name": "Alice"}, NameTaken),
        ({"email": "root"}, AddressRefused),
        ({"email": "alice@example.com"}, AddressTaken),
        ({"password": "short"}, PasswordRefused),
    ],
)
def test_a_refusal_leaves_the_link_and_nothing_else(
    domain: Flask, answers: dict[str, str], refusal: type[Refusal]
) -> None:
    factories.person("alice")
    secret = new_secret()
    before = everything()

    with pytest.raises(refusal):
        setup.become_administrator(secret, **(ROOT | answers), by=VISITOR)

    assert everything() == before
    assert setup.is_open(secret)


def test_where_there_is_an_administrator_no_link_is_made_and_none_works(domain: Flask) -> None:
    secret = new_secret()
    factories.administrator("carol")
    before = everything()

    assert setup.make_link(by=OPERATOR) is None
    assert not setup.is_open(secret)
    with pytest.raises(LinkExpired):
        setup.become_administrator(secret, **ROOT, by=VISITOR)

    assert everything() == before


def test_a_newer_link_kills_the_older(domain: Flask) -> None:
    older, newer = new_secret(), new_secret()

    assert not setup.is_open(older)
    assert setup.is_open(newer)
