"""A claim and what becomes of it: blocks nobody, tells nothing, and one of two who race wins."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import addresses, registration
from app.accounts.errors import (
    AddressConfirmed,
    AddressTaken,
    CodeExpired,
    LinkExpired,
    WrongCode,
)
from app.accounts.models import User, UserToken
from app.audit import Actor, AuditEvent
from app.db import affected, atomic, db
from app.mail import Mail, State
from tests import factories
from tests.conftest import counted
from tests.outbox import Outbox

ROUNDS = 10


def person(name: str) -> User:
    return db.session.scalars(sa.select(User).where(User.name == name)).one()


def test_two_people_confirm_one_address_at_once_and_one_wins(each_app: Flask) -> None:
    outbox = Outbox(each_app)
    for number in range(ROUNDS):
        shared = f"shared{number}@example.com"
        secrets = []
        for name in ("bob", "carol"):
            with each_app.app_context():
                factories.claimant(f"{name} {number}", email=shared)
            secrets.append(outbox.link_to(shared).rpartition("/")[2])

        answers = confirm_at_once(each_app, secrets)

        assert sorted(answers) == ["AddressTaken", "won"], answers
        with each_app.app_context():
            owners = db.session.scalars(sa.select(User.name).where(User.email == shared)).all()
            waiting = db.session.scalars(
                sa.select(User.name).where(User.pending_email == shared)
            ).all()
        assert (len(owners), len(waiting)) == (1, 1)


def confirm_at_once(app: Flask, secrets: list[str]) -> list[str]:
    together = Barrier(len(secrets))

    def confirm(secret: str) -> str:
        with app.app_context():
            together.wait()
            try:
                addresses.confirm(secret, by=factories.visitor())
            except (AddressTaken, LinkExpired) as refusal:
                return type(refusal).__name__
            return "won"

    with ThreadPoolExecutor(len(secrets)) as people:
        return list(people.map(confirm, secrets))


def test_one_code_typed_ten_times_at_once_counts_once(each_app: Flask) -> None:
    outbox = Outbox(each_app)
    with each_app.app_context():
        bob_id = factories.claimant("bob").id
    code = outbox.code_to("bob@example.com").replace("-", "")
    together = Barrier(10)

    def confirm(number: int) -> str:
        with each_app.app_context():
            bob = db.session.get_one(User, bob_id)
            together.wait()
            try:
                addresses.confirm_by_code(bob, code, by=factories.visitor())
            except WrongCode as refusal:
                return type(refusal).__name__
            return "won"

    with ThreadPoolExecutor(10) as people:
        answers = sorted(people.map(confirm, range(10)))
    assert answers == ["WrongCode"] * 9 + ["won"]
    with each_app.app_context():
        events = sa.select(sa.func.count()).where(AuditEvent.event == "email.confirmed")
        assert db.session.scalar(events) == 1


def test_a_claim_costs_the_same_for_a_known_and_an_unknown_address(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with each_app.app_context():
        factories.person("alice")
        factories.claimant("bob", email="nobody@example.com")  # the first one warms what is kept
    notes = {}
    for verb in ("register", "claim", "send_again"):
        for email in ("alice@example.com", "nobody@example.com"):
            with each_app.app_context(), counted(each_app, monkeypatch) as noted:
                run(verb, email)
            notes[verb, email] = noted
    for verb in ("register", "claim", "send_again"):
        known, unknown = notes[verb, "alice@example.com"], notes[verb, "nobody@example.com"]
        assert known == unknown
        assert known["sql"]


def test_a_claim_whose_mail_is_dropped_costs_the_same_too(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = []
    with each_app.app_context():
        factories.person("alice")
    for email in ("alice@example.com", "nobody@example.com"):
        with each_app.app_context():
            factories.claimant(f"mallory {email[0]}", email=email)
            for _ in range(5):
                run("send_again", email)
        with each_app.app_context(), counted(each_app, monkeypatch) as noted:
            run("send_again", email)
        notes.append(noted)

    assert notes[0] == notes[1]
    assert notes[0]["sql"]
    with each_app.app_context():
        dropped = sa.select(Mail.kind).where(Mail.state == State.DROPPED).order_by(Mail.id)
        kinds = db.session.scalars(dropped).all()
    assert kinds == ["already_registered"] * 2 + ["verify"] * 2


def test_a_mail_that_is_dropped_leaves_the_link_before_it_alive(
    domain: Flask, outbox: Outbox
) -> None:
    bob = factories.claimant("bob")
    for _ in range(4):
        addresses.send_again(bob, by=factories.visitor())
    secret = outbox.link_to("bob@example.com").rpartition("/")[2]
    code = outbox.code_to("bob@example.com")

    addresses.send_again(bob, by=factories.visitor())

    assert addresses.claimant(secret) == bob
    addresses.confirm_code(bob, code, by=factories.visitor())
    assert bob.email == "bob@example.com"


def test_a_claim_beside_a_confirmation_finds_the_address_confirmed(each_domain: Flask) -> None:
    bob = factories.claimant("bob")
    confirmed = {"email": bob.pending_email, "email_key": bob.pending_email, "pending_email": None}

    def claim(user: User) -> None:
        addresses.claim(user, "else@example.com", by=factories.visitor())

    with pytest.raises(AddressConfirmed):
        beside(each_domain, bob.id, confirmed, claim).result()

    db.session.refresh(bob)
    assert (bob.email, bob.pending_email) == ("bob@example.com", None)


def test_a_code_beside_another_claim_confirms_neither(each_domain: Flask) -> None:
    bob = factories.claimant("bob")
    code = Outbox(each_domain).code_to("bob@example.com").replace("-", "")

    def confirm(user: User) -> None:
        addresses.confirm_by_code(user, code, by=factories.visitor())

    with pytest.raises(WrongCode):
        beside(each_domain, bob.id, {"pending_email": "else@example.com"}, confirm).result()

    db.session.refresh(bob)
    assert (bob.email, bob.pending_email) == (None, "else@example.com")


def beside(
    app: Flask, user_id: int, change: dict[str, str | None], verb: Callable[[User], None]
) -> Future[None]:
    """Run `verb` while somebody else holds the person's row, who then commits the change."""
    row = sa.update(User.__table__).where(User.__table__.c.id == user_id)

    def run_verb() -> None:
        with app.app_context():
            verb(db.session.get_one(User, user_id))

    with ThreadPoolExecutor(1) as person, db.engine.connect() as other:
        is_sqlite = db.engine.dialect.name == "sqlite"
        level = "SERIALIZABLE" if is_sqlite else "READ COMMITTED"
        other.execution_options(isolation_level=level)
        other.execute(row.values(**change))
        attempt = person.submit(run_verb)
        wait([attempt], timeout=0.5)  # long enough to read the row, and to want its lock
        other.commit()
    db.session.rollback()
    return attempt


def test_no_link_turns_one_confirmed_address_into_another(domain: Flask, outbox: Outbox) -> None:
    bob = factories.claimant("bob")
    secret = outbox.link_to("bob@example.com").rpartition("/")[2]
    give_address(bob.id, "else@example.com")

    with pytest.raises(AddressConfirmed):
        addresses.confirm(secret, by=factories.visitor())

    assert (bob.email, bob.pending_email) == ("else@example.com", "bob@example.com")


@atomic
def give_address(user_id: int, address: str) -> None:
    """Put both on one row, as no verb does."""
    row = sa.update(User).where(User.id == user_id)
    affected(row.values(email=address, email_key=address))


def test_guesses_of_codes_are_in_the_history(domain: Flask, outbox: Outbox) -> None:
    bob = factories.claimant("bob")
    wrong = next(code for code in ("BBBBBBBB", "CCCCCCCC") if code not in code_of(outbox))

    for _ in range(6):  # the sixth comes to a code that is dead
        with pytest.raises((WrongCode, CodeExpired)):
            addresses.confirm_code(bob, wrong, by=Actor.person(bob, "192.0.2.1"))

    guesses = sa.select(AuditEvent.ip).where(
        AuditEvent.event == "code.refused", AuditEvent.subject_id == bob.id
    )
    assert db.session.scalars(guesses).all() == ["192.0.2.1"] * 6


def code_of(outbox: Outbox) -> str:
    return outbox.code_to("bob@example.com").replace("-", "")


def run(verb: str, email: str) -> None:
    name = f"mallory {email[0]}"
    by = factories.visitor(email)
    if verb == "register":
        registration.register(name, email, factories.PASSWORD, by=by)
    elif verb == "claim":
        addresses.claim(person(name), email, by=by)
    else:
        addresses.send_again(person(name), by=by)


def test_whoever_has_a_confirmed_address_cannot_claim_another(domain: Flask) -> None:
    alice = factories.person("alice")

    with pytest.raises(AddressConfirmed):
        addresses.claim(alice, "else@example.com", by=factories.visitor())

    assert (alice.email, alice.pending_email) == ("alice@example.com", None)


def test_a_claim_that_is_cancelled_leaves_nothing(domain: Flask, outbox: Outbox) -> None:
    bob = factories.claimant("bob")
    secret = outbox.link_to("bob@example.com").rpartition("/")[2]

    addresses.cancel_claim(bob, by=Actor.person(bob, "192.0.2.1"))
    addresses.cancel_claim(bob, by=Actor.person(bob, "192.0.2.1"))

    assert (bob.pending_email, bob.claimed_at) == (None, None)
    assert db.session.scalar(sa.select(sa.func.count(UserToken.id))) == 0
    with pytest.raises(LinkExpired):
        addresses.confirm(secret, by=factories.visitor())
    dropped = sa.select(sa.func.count()).where(AuditEvent.event == "email.claim_dropped")
    assert db.session.scalar(dropped) == 1


def test_asking_again_without_a_claim_sends_nothing(domain: Flask, outbox: Outbox) -> None:
    addresses.send_again(factories.person("alice"), by=factories.visitor())

    assert not outbox.mails()


def test_the_owner_is_written_to_as_the_address_is_stored(domain: Flask, outbox: Outbox) -> None:
    factories.person("erin", email="Erin@Example.com")
    factories.claimant("mallory", email="ERIN@example.com")

    assert outbox.to("Erin@example.com")["Subject"] == "You already have an account"
    assert db.session.scalars(sa.select(Mail.recipient)).all() == ["Erin@example.com"]


def test_the_claim_is_dated(domain: Flask) -> None:
    bob = factories.claimant("bob")

    assert (bob.origin, bob.claimed_at) == ("registration", bob.created_at)
    assert bob.last_seen_at == bob.created_at
