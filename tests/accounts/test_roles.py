"""Who may do what, to whom: each rule of rank, tried by somebody whom it stops."""

from collections.abc import Callable, Iterable

import pytest
from flask import Flask

from app import audit
from app.accounts import lifecycle, role_definitions, roles
from app.accounts.errors import NotAllowed, OutRanked, OwnRoles, RoleRefused
from app.accounts.models import Role, User
from app.accounts.roles import ADMINISTRATOR, ALL, PERMISSIONS
from app.audit import Actor
from tests.factories import administrator, holder, person

OPERATOR = Actor.operator()

Act = Callable[[Actor, User, User], object]  # by whom, on Alice or on an administrator


def acting(user: User) -> Actor:
    return Actor.person(user, "192.0.2.1")


def role_called(name: str) -> Role:
    role = roles.find(name)
    assert role is not None
    return role


def test_permissions_are_the_sum_of_the_roles(each_domain: Flask) -> None:
    carol = holder("carol", "users.view", "jobs.view")
    roles.grant(carol, "support", by=OPERATOR)

    held = {"users.view", "users.edit", "audit.view", "mail.view", "jobs.view"}
    assert roles.permissions_of(carol.id) == held
    assert roles.roles_of(carol) == ["carol", "support"]
    assert roles.permissions_of(person("alice").id) == frozenset()


def test_an_administrator_has_every_permission_there_is(domain: Flask) -> None:
    root = administrator()

    assert roles.permissions_of(root.id) == ALL
    standing = {one.role.name: one for one in roles.all_roles()}
    assert standing[ADMINISTRATOR].permissions == ALL
    assert (standing[ADMINISTRATOR].holders, standing["support"].holders) == (1, 0)


def test_who_may_act_at_all(domain: Flask) -> None:
    root, other = administrator(), administrator("other")

    assert roles.allowed(OPERATOR) == roles.allowed(Actor.system()) == ALL
    assert roles.allowed(acting(root)) == ALL
    assert roles.allowed(Actor.visitor("192.0.2.1")) == frozenset()
    lifecycle.deactivate(root, by=acting(other), reason="Left")
    assert roles.allowed(acting(root)) == frozenset()
    assert roles.permissions_of(root.id) == ALL, "support must not act on them meanwhile"


def test_a_role_is_granted_and_taken_away_with_a_line_each(each_domain: Flask) -> None:
    root, alice = administrator(), person("alice")

    assert roles.grant(alice, "support", by=acting(root))
    assert not roles.grant(alice, "support", by=acting(root))
    assert roles.revoke(alice, "support", by=acting(root))
    assert not roles.revoke(alice, "support", by=acting(root))

    assert roles.permissions_of(alice.id) == frozenset()
    lines = [(row.event, row.details, row.actor_name) for row in audit.history(alice)]
    assert lines[:2] == [
        ("role.revoked", '{"role": "support"}', "root"),
        ("role.granted", '{"role": "support"}', "root"),
    ]


GRANTER = ("roles.grant", "users.view", "users.edit")


TRIED: dict[str, tuple[Act, type[Exception]]] = {
    "grant the administrator's": (
        lambda by, alice, root: roles.grant(alice, ADMINISTRATOR, by=by),
        OutRanked,
    ),
    "grant more than they hold": (
        lambda by, alice, root: roles.grant(alice, "support", by=by),
        OutRanked,
    ),
    "grant to somebody above": (
        lambda by, alice, root: roles.grant(root, "gina", by=by),
        OutRanked,
    ),
    "revoke from somebody above": (
        lambda by, alice, root: roles.revoke(root, ADMINISTRATOR, by=by),
        OutRanked,
    ),
    "grant what is no role": (
        lambda by, alice, root: roles.grant(alice, "nonsense", by=by),
        RoleRefused,
    ),
    "create with more": (
        lambda by, alice, root: role_definitions.create("more", ["users.delete"], by=by),
        OutRanked,
    ),
    "create with nonsense": (
        lambda by, alice, root: role_definitions.create("more", ["nonsense"], by=by),
        RoleRefused,
    ),
    "create a second support": (
        lambda by, alice, root: role_definitions.create("Support", [], by=by),
        RoleRefused,
    ),
    "create too long a name": (
        lambda by, alice, root: role_definitions.create("a" * 65, [], by=by),
        RoleRefused,
    ),
    "create without a name": (
        lambda by, alice, root: role_definitions.create(" ", [], by=by),
        RoleRefused,
    ),
    "create for a terminal": (
        lambda by, alice, root: role_definitions.create("a\x1b[2J", [], by=by),
        RoleRefused,
    ),
    "add to their own": (
        lambda by, alice, root: change(role_called("gina"), ALL, by=by),
        OutRanked,
    ),
    "take from one above theirs": (
        lambda by, alice, root: change(role_called("support"), [], by=by),
        OutRanked,
    ),
    "delete one above theirs": (
        lambda by, alice, root: role_definitions.delete(role_called("support"), by=by),
        OutRanked,
    ),
    "change the administrator's": (
        lambda by, alice, root: change(role_called(ADMINISTRATOR), [], by=by),
        RoleRefused,
    ),
    "delete the administrator's": (
        lambda by, alice, root: role_definitions.delete(role_called(ADMINISTRATOR), by=by),
        RoleRefused,
    ),
    "delete one that is held": (
        lambda by, alice, root: role_definitions.delete(role_called("gina"), by=by),
        RoleRefused,
    ),
}


@pytest.mark.parametrize(("act", "refusal"), TRIED.values(), ids=TRIED)
def test_whoever_grants_roles_gives_no_more_than_they_hold(
    domain: Flask, act: Act, refusal: type[Exception]
) -> None:
    gina, alice, root = holder("gina", *GRANTER), person("alice"), administrator()
    before = [roles.permissions_of(user.id) for user in (gina, alice, root)]

    with pytest.raises(refusal):
        act(acting(gina), alice, root)

    assert [roles.permissions_of(user.id) for user in (gina, alice, root)] == before


def test_nobody_adds_to_what_they_hold_themselves(domain: Flask) -> None:
    gina = holder("gina", *GRANTER)
    role_definitions.create("extra", ["users.view"], by=OPERATOR)
    with pytest.raises(OwnRoles):
        roles.grant(gina, "extra", by=acting(gina))

    role_definitions.create("second", ["jobs.view"], by=OPERATOR)
    roles.grant(gina, "second", by=OPERATOR)
    with pytest.raises(OwnRoles):
        change(role_called("gina"), [*GRANTER, "jobs.view"], by=acting(gina))

    change(role_called("gina"), ["roles.grant"], by=acting(gina))
    assert roles.permissions_of(gina.id) == {"roles.grant", "jobs.view"}


def test_changing_a_role_acts_on_everybody_who_holds_it(domain: Flask) -> None:
    gina, root = holder("gina", *GRANTER), administrator()
    role_definitions.create("readers", ["users.view"], by=acting(gina))
    roles.grant(root, "readers", by=OPERATOR)

    with pytest.raises(OutRanked):
        change(role_called("readers"), [], by=acting(gina))

    roles.revoke(root, "readers", by=OPERATOR)
    roles.grant(person("alice"), "readers", by=acting(gina))
    change(role_called("readers"), ["users.view", "users.edit"], by=acting(gina))
    assert roles.permissions_in(role_called("readers")) == {"users.view", "users.edit"}


@pytest.mark.parametrize("permission", sorted(ALL - {"roles.grant"}))
def test_without_the_permission_no_role_changes_hands(domain: Flask, permission: str) -> None:
    hal, alice = holder("hal", permission), person("alice")

    for act in (
        lambda: roles.grant(alice, "hal", by=acting(hal)),
        lambda: roles.revoke(alice, "hal", by=acting(hal)),
        lambda: role_definitions.create("more", [permission], by=acting(hal)),
        lambda: change(role_called("hal"), [], by=acting(hal)),
        lambda: role_definitions.delete(role_called("hal"), by=acting(hal)),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert roles.find("more") is None


def test_whoever_lost_their_role_a_moment_ago_has_no_power(each_domain: Flask) -> None:
    gina, alice = holder("gina", *GRANTER), person("alice")
    by = acting(gina)
    roles.revoke(gina, "gina", by=OPERATOR)

    with pytest.raises(NotAllowed):
        roles.grant(alice, "gina", by=by)


def test_a_role_lives_and_dies(each_domain: Flask) -> None:
    root = administrator()
    role = role_definitions.create("Readers", ["users.view", "audit.view"], by=acting(root))
    assert role.name == "readers"

    change(role, ["users.view", "jobs.view"], by=acting(root))
    change(role, ["jobs.view"], by=acting(root))
    assert roles.permissions_in(role) == {"jobs.view"}

    role_definitions.delete(role, by=acting(root))
    assert roles.find("readers") is None
    role_definitions.create("readers", [], by=acting(root))
    assert roles.permissions_in(role_called("readers")) == frozenset()


@pytest.mark.parametrize("name", ["", "x" * 65, "cut" + " " * 600 + "words", "a\0b", "a\nb"])
def test_a_name_that_cannot_be_one_is_refused_and_never_cut(domain: Flask, name: str) -> None:
    with pytest.raises(RoleRefused):
        role_definitions.create(name, [], by=Actor.operator())


def test_what_cannot_be_shown_is_no_role(domain: Flask) -> None:
    assert roles.find("\udcff") is None


def test_every_permission_has_words() -> None:
    assert all(str(words) for words in PERMISSIONS.values())


def change(role: Role, permissions: Iterable[str], *, by: Actor) -> None:
    """Change a role as somebody does who has just looked at it."""
    role_definitions.change(role, permissions, shown=roles.permissions_in(role), by=by)


def test_what_was_given_to_a_role_meanwhile_stands(domain: Flask) -> None:
    role_definitions.create("readers", ["users.view", "jobs.view"], by=OPERATOR)
    readers, shown = role_called("readers"), ["users.view", "jobs.view"]
    change(readers, [*shown, "mail.view"], by=OPERATOR)

    role_definitions.change(readers, ["users.view", "audit.view"], shown=shown, by=OPERATOR)

    assert roles.permissions_in(readers) == {"users.view", "audit.view", "mail.view"}
