"""Back in without the password: what a request leaves, what a link changes, what is refused."""

import pytest
import sqlalchemy as sa
from flask import Flask

from app import throttle
from app.accounts import hashing, lifecycle, recovery, sessions
from app.accounts.errors import AddressRefused, LinkExpired, PasswordRefused
from app.audit import Actor
from app.db import db
from app.jobs.queue import Job
from tests import factories
from tests.accounts.left import everything, mails, trail
from tests.factories import PASSWORD, reset_link
from tests.outbox import Outbox

OPERATOR, VISITOR = Actor.operator(), Actor.visitor("192.0.2.1")
NEW = "orchard lantern seven"


def test_a_request_is_a_job_that_names_nobody_until_a_worker_answers_it(
    each_domain: Flask,
) -> None:
    alice = factories.person("alice")
    lines = len(trail())

    recovery.ask("Alice@Example.com", by=VISITOR)

    job = db.session.scalars(sa.select(Job).where(Job.kind == recovery.FORGOTTEN)).one()
    assert "alice" not in job.payload.lower()
    assert (trail()[lines:], mails()) == ([], [])
    Outbox(each_domain).run()
    assert trail()[lines:] == [("password.reset_requested", "visitor", "alice", {})]
    assert mails() == [("reset", "alice@example.com")]
    secret = Outbox(each_domain).link_to(alice).rpartition("/")[2]
    assert recovery.owner_of(secret) == alice


def test_an_address_that_is_nobody_s_is_told_so_and_leaves_no_line(domain: Flask) -> None:
    factories.claimant("bob", email="claimed@example.com")
    lines = trail()

    for address in ("claimed@example.com", "nobody@example.com"):
        recovery.answer(address, by=VISITOR)

    assert mails()[1:] == [
        ("no_account", "claimed@example.com"),
        ("no_account", "nobody@example.com"),
    ]
    assert trail() == lines


def test_somebody_deactivated_is_not_answered(domain: Flask) -> None:
    alice = factories.person("alice")
    lifecycle.deactivate(alice, by=OPERATOR, reason="Asked for it")
    lines, sent = trail(), mails()

    recovery.answer("alice@example.com", by=VISITOR)

    assert (trail(), mails()) == (lines, sent)


def test_a_refused_request_leaves_nothing(domain: Flask) -> None:
    before = everything()
    with pytest.raises(AddressRefused):
        recovery.ask("alice", by=VISITOR)
    assert everything() == before

    for _ in range(throttle.REQUEST_PER_IP.tries):
        recovery.ask("nobody@example.com", by=VISITOR)
    before = everything()
    with pytest.raises(throttle.Exceeded):
        recovery.ask("nobody@example.com", by=VISITOR)
    assert everything() == before


def test_a_link_sets_a_password_and_ends_what_the_old_one_opened(each_domain: Flask) -> None:
    alice = factories.person("alice")
    factories.session(alice), factories.session(alice)
    secret, lines = reset_link(alice), len(trail())

    recovery.reset(secret, NEW, by=VISITOR)

    db.session.refresh(alice)
    assert hashing.matches(alice.password_hash, NEW)
    assert sessions.live(alice) == []
    assert trail()[lines:] == [("password.reset", "visitor", "alice", {"sessions_ended": 2})]
    assert mails() == [("password_changed", "alice@example.com")]
    assert recovery.owner_of(secret) is None


def test_a_refused_password_leaves_the_link_and_everything_else(domain: Flask) -> None:
    alice = factories.person("alice")
    factories.session(alice)
    secret = reset_link(alice)
    before = everything()

    for password in ("short", "alice@example.com", "passwordpassword"):
        with pytest.raises(PasswordRefused):
            recovery.reset(secret, password, by=VISITOR)

    assert everything() == before
    assert recovery.owner_of(secret) == alice


def test_a_dead_link_changes_nothing(each_domain: Flask) -> None:
    alice = factories.person("alice")
    older, newer = reset_link(alice), reset_link(alice)
    recovery.reset(newer, NEW, by=VISITOR)
    before = everything()

    for secret in (older, newer, "never was one"):
        with pytest.raises(LinkExpired):
            recovery.reset(secret, PASSWORD, by=VISITOR)
        with pytest.raises(LinkExpired):  # also past the look before the hash
            recovery.store_reset(secret, hashing.make(PASSWORD), by=VISITOR)

    assert everything() == before


def test_a_link_that_is_handed_over_leaves_its_reason_and_no_mail(domain: Flask) -> None:
    carol = factories.without_address("carol")

    secret = recovery.make_link(carol, by=OPERATOR, reason="Came to the desk")

    assert recovery.owner_of(secret) == carol
    expected = ("password.reset_link_made", "operator", "carol", {"reason": "Came to the desk"})
    assert trail()[-1] == expected
    assert mails() == []


def test_a_password_that_is_set_lets_go_of_claim_and_links(domain: Flask) -> None:
    bob = factories.claimant("bob")
    factories.session(bob)
    secret, lines = reset_link(bob), len(trail())

    recovery.set_password(bob, NEW, by=OPERATOR)

    db.session.refresh(bob)
    assert hashing.matches(bob.password_hash, NEW)
    assert bob.pending_email is None
    assert recovery.owner_of(secret) is None
    assert trail()[lines:] == [
        ("email.claim_dropped", "operator", "bob", {"email": "bob@example.com"}),
        ("password.set", "operator", "bob", {"sessions_ended": 1}),
    ]


def test_a_password_that_is_refused_is_not_set(domain: Flask) -> None:
    bob = factories.claimant("bob")
    factories.session(bob)
    before = everything()

    with pytest.raises(PasswordRefused):
        recovery.set_password(bob, "bob@example.com", by=OPERATOR)

    assert everything() == before
