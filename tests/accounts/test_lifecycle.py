"""What staff and the operator do to an account, and what they cannot."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from app import audit
from app.accounts import (
    addresses,
    authentication,
    lifecycle,
    recovery,
    registration,
    role_definitions,
    roles,
    sessions,
    tokens,
)
from app.accounts.errors import (
    AddressTaken,
    Deactivated,
    LinkExpired,
    LinkRefused,
    NotAllowed,
    OutRanked,
    OwnAccount,
    ReasonRefused,
    StandsAlready,
    WrongLogin,
)
from app.accounts.models import User, UserSession
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import db
from tests.browser import Browser
from tests.conftest import counted
from tests.factories import PASSWORD, administrator, holder, person, reset_link, without_address
from tests.outbox import Outbox, text_of

OPERATOR = Actor.operator()
VISITOR = Actor.visitor("192.0.2.1")


def deactivate(user: User, by: Actor = OPERATOR) -> int:
    return lifecycle.deactivate(user, by=by, reason="Left the company")


Act = Callable[[User, Actor], object]
ACTS: dict[str, tuple[str, Act]] = {
    "deactivate": ("users.deactivate", deactivate),
    "reactivate": (
        "users.deactivate",
        lambda user, by: lifecycle.reactivate(user, by=by, reason="Why"),
    ),
    "end sessions": ("users.edit", lambda user, by: lifecycle.end_sessions(user, by=by)),
    "end a session": ("users.edit", lambda user, by: lifecycle.end_session(user, 1, by=by)),
    "correct the address": (
        "users.edit",
        lambda user, by: lifecycle.correct_address(user, "n@example.com", by=by, reason="Why"),
    ),
    "confirm the address": (
        "users.edit",
        lambda user, by: lifecycle.confirm_address(user, user.pending_email, by=by, reason="Why"),
    ),
    "send a reset link": (
        "users.edit",
        lambda user, by: lifecycle.send_reset_link(user, by=by, reason="Why"),
    ),
    "print a reset link": (
        "users.edit",
        lambda user, by: lifecycle.print_reset_link(user, by=by, reason="Why"),
    ),
}
each_act = pytest.mark.parametrize(("permission", "act"), ACTS.values(), ids=ACTS)


def acting(user: User) -> Actor:
    return Actor.person(user, "192.0.2.1")


def log_in(name: str) -> UserSession:
    who = authentication.check_password(name, PASSWORD, by=VISITOR)
    return sessions.start(
        who.user, verified=who.password_hash, by=VISITOR, remembered=False, user_agent=""
    ).session


def how_many_sessions() -> int | None:
    return db.session.scalar(sa.select(sa.func.count()).select_from(UserSession))


@each_act
def test_an_act_takes_its_own_permission(domain: Flask, permission: str, act: Act) -> None:
    others = sorted(roles.ALL - {permission})
    hal, alice = holder("hal", *others), person("alice")
    log_in("alice")

    with pytest.raises(NotAllowed):
        act(alice, acting(hal))
    with pytest.raises(NotAllowed):
        act(alice, VISITOR)
    assert alice.is_active and alice.email == "alice@example.com" and how_many_sessions() == 1


@each_act
def test_nobody_acts_on_somebody_above_them(domain: Flask, permission: str, act: Act) -> None:
    hal, root = holder("hal", permission, "users.view"), administrator()
    administrator("other")

    with pytest.raises(OutRanked):
        act(root, acting(hal))
    roles.revoke(root, roles.ADMINISTRATOR, by=OPERATOR)
    role_definitions.create("reader", ["jobs.view"], by=OPERATOR)
    roles.grant(root, "reader", by=OPERATOR)
    with pytest.raises(OutRanked):
        act(root, acting(hal))


@each_act
def test_staff_do_not_act_on_themselves(domain: Flask, permission: str, act: Act) -> None:
    root = administrator()
    administrator("other")

    with pytest.raises(OwnAccount):
        act(root, acting(root))


def test_one_mail_tells_of_all_roles_that_changed(domain: Flask, outbox: Outbox) -> None:
    alice = person("alice")
    for name in ("reader", "writer"):
        role_definitions.create(name, ["jobs.view"], by=OPERATOR)
    roles.grant(alice, "reader", by=OPERATOR)
    wanted, shown = {"writer", "support"}, {"reader"}

    lifecycle.assign_roles(alice, wanted, shown=shown, by=OPERATOR)
    lifecycle.assign_roles(alice, wanted, shown=shown, by=OPERATOR)

    assert roles.roles_of(alice) == ["support", "writer"]
    assert len(outbox.mails(alice)) == 2  # the first is of the grant


def test_the_end_of_one_session_is_not_told_as_the_end_of_all(
    domain: Flask, outbox: Outbox
) -> None:
    alice = person("alice")
    session = log_in("alice")

    lifecycle.end_session(alice, session.id, by=OPERATOR)

    assert "logged out one device" in text_of(outbox.to(alice))


def test_deactivation_locks_somebody_out_everywhere_at_once(each_app: Flask) -> None:
    with each_app.app_context():
        alice = person("alice")
        log_in("alice")
        log_in("alice")
        link = reset_link(alice)

        assert deactivate(alice) == 2

        assert how_many_sessions() == 0
        assert tokens.peek(Purpose.RESET_PASSWORD, link) is None
        with pytest.raises(Deactivated):
            log_in("alice")
        with pytest.raises(StandsAlready):
            deactivate(alice)
        line = next(row for row in audit.history(alice) if row.event == "user.deactivated")
        assert line.details == '{"reason": "Left the company", "sessions_ended": 2}'
        lifecycle.reactivate(alice, by=OPERATOR, reason="Is back")
        with pytest.raises(StandsAlready):
            lifecycle.reactivate(alice, by=OPERATOR, reason="Is back")
        assert log_in("alice")
    mails = [text_of(mail) for mail in Outbox(each_app).mails("alice@example.com")]
    assert any("Left the company" in text for text in mails)
    assert any("Is back" in text for text in mails)


def test_only_the_right_password_is_told_that_the_account_is_deactivated(domain: Flask) -> None:
    alice = person("alice")
    deactivate(alice)

    with pytest.raises(WrongLogin):
        authentication.check_password("alice", "not the password", by=VISITOR)
    for _ in range(12):  # a right password uses nothing up
        with pytest.raises(Deactivated):
            authentication.check_password("alice", PASSWORD, by=VISITOR)


def test_a_new_password_lets_nobody_in_who_is_deactivated(domain: Flask) -> None:
    alice = person("alice")
    deactivate(alice)
    link = reset_link(alice)

    with pytest.raises(LinkExpired):
        recovery.reset(link, "purple monkey dishwasher", by=VISITOR)
    recovery.set_password(alice, "purple monkey dishwasher", by=OPERATOR)
    with pytest.raises(Deactivated):
        authentication.check_password("alice", "purple monkey dishwasher", by=VISITOR)


def test_a_wrong_password_costs_the_same_for_somebody_deactivated(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        person("alice")
        deactivate(person("bob"))
    spent = []
    for name in ("alice", "bob", "nobody"):
        browser = Browser(app.test_client())
        page = browser.get("/login")
        with counted(app, monkeypatch) as notes:
            answer = browser.fill(page, identifier=name, password="not the password")
        spent.append((answer.status, answer.text, len(notes["sql"]), notes["hashes"]))

    assert spent[0] == spent[1] == spent[2]


def test_somebody_deactivated_gets_no_link(domain: Flask) -> None:
    alice = person("alice")
    deactivate(alice)

    for verb in (lifecycle.send_reset_link, lifecycle.print_reset_link):
        with pytest.raises(LinkRefused):
            verb(alice, by=OPERATOR, reason="Asked")


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 201, "a\x1b[2Jb"])
def test_a_reason_is_given(domain: Flask, reason: str) -> None:
    alice = person("alice")

    with pytest.raises(ReasonRefused):
        lifecycle.deactivate(alice, by=OPERATOR, reason=reason)
    assert alice.is_active


def test_a_corrected_address_counts_and_both_hear_of_it(app: Flask) -> None:
    with app.app_context():
        alice = person("alice")
        link = reset_link(alice)

        lifecycle.correct_address(alice, "new@example.com", by=OPERATOR, reason="Typed wrong")

        assert (alice.email, alice.email_key) == ("new@example.com", "new@example.com")
        assert tokens.peek(Purpose.RESET_PASSWORD, link) is None
        with pytest.raises(StandsAlready):
            lifecycle.correct_address(alice, "new@example.com", by=OPERATOR, reason="Again")
    for address in ("alice@example.com", "new@example.com"):
        assert "Typed wrong" in text_of(Outbox(app).to(address))


def test_an_address_of_somebody_else_is_refused(each_domain: Flask) -> None:
    alice = person("alice")
    person("bob")

    with pytest.raises(AddressTaken):
        lifecycle.correct_address(alice, "BOB@example.com", by=OPERATOR, reason="Why")
    assert alice.email == "alice@example.com"
    carol = registration.register("carol", "bob@example.com", PASSWORD, by=VISITOR).user
    with pytest.raises(AddressTaken):
        lifecycle.confirm_address(carol, "bob@example.com", by=OPERATOR, reason="Why")
    assert (carol.email, carol.pending_email) == (None, "bob@example.com")


def test_a_claim_that_staff_vouch_for_is_confirmed(domain: Flask) -> None:
    carol = registration.register("carol", "carol@example.com", PASSWORD, by=VISITOR).user

    address = "carol@example.com"
    lifecycle.confirm_address(carol, address, by=OPERATOR, reason="Showed us the mail")

    assert (carol.email, carol.pending_email) == ("carol@example.com", None)
    with pytest.raises(StandsAlready):
        lifecycle.confirm_address(carol, address, by=OPERATOR, reason="Again")


def test_staff_vouch_for_the_address_that_they_saw_and_no_other(each_domain: Flask) -> None:
    carol = registration.register("carol", "carol@example.com", PASSWORD, by=VISITOR).user
    seen = carol.pending_email
    with each_domain.app_context():  # carol, elsewhere
        addresses.claim(db.session.get_one(User, carol.id), "king@example.com", by=VISITOR)

    with pytest.raises(StandsAlready, match="another address meanwhile"):
        lifecycle.confirm_address(carol, seen, by=OPERATOR, reason="Showed us the mail")

    assert (carol.email, carol.pending_email) == (None, "king@example.com")


def test_staff_open_an_account_without_knowing_its_password(app: Flask) -> None:
    with app.app_context():
        root = administrator()
        dora = lifecycle.create("dora", "dora@example.com", by=acting(root))

        assert (dora.password_hash, dora.origin) == (None, "staff")
        with pytest.raises(WrongLogin):
            authentication.check_password("dora", "", by=VISITOR)
        lifecycle.send_reset_link(dora, by=acting(root), reason="A first password")
    path = Outbox(app).link_to("dora@example.com")
    with app.app_context():
        recovery.reset(path.split("/")[-1], PASSWORD, by=VISITOR)
        assert log_in("dora")
        with pytest.raises(NotAllowed):
            lifecycle.create("eve", None, by=acting(db.session.get_one(User, dora.id)))


def test_staff_never_hold_a_link_that_could_be_mailed(domain: Flask) -> None:
    root, alice = administrator(), person("alice")

    with pytest.raises(NotAllowed):
        lifecycle.print_reset_link(alice, by=acting(root), reason="Why")
    with pytest.raises(LinkRefused):
        lifecycle.send_reset_link(without_address("nobody"), by=acting(root), reason="Why")
    assert lifecycle.print_reset_link(alice, by=OPERATOR, reason="Why")


def test_without_mail_staff_print_a_link_that_works_once(make_app: Callable[..., Flask]) -> None:
    with make_app(MAIL_SERVER="none").app_context():
        root, alice = administrator(), person("alice")
        with pytest.raises(LinkRefused):
            lifecycle.send_reset_link(alice, by=acting(root), reason="Why")

        secret = lifecycle.print_reset_link(alice, by=acting(root), reason="Why")

        recovery.reset(secret, "purple monkey dishwasher", by=VISITOR)
        with pytest.raises(LinkExpired):
            recovery.reset(secret, "orchard lantern seven", by=VISITOR)
