"""Acts on somebody, or on a role, removed between the moment it was found and the act itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import expiry, lifecycle, role_definitions, roles
from app.accounts.models import Role, User, UserRole
from app.audit import Actor
from app.db import db
from tests import factories
from tests.browser import Browser, Page

OPERATOR = Actor.operator()
GONE = "This account no longer exists."
ACTS: dict[str, tuple[str, dict[str, object]]] = {
    "assign_roles": ("roles", {"roles": ["support"]}),
    "deactivate": ("deactivation", {"reason": "Left"}),
    "reactivate": ("reactivation", {"reason": "Back"}),
    "end_sessions": ("session-end", {}),
    "end_session": ("sessions/1/end", {}),
    "correct_address": ("address", {"email": "new@example.com", "reason": "Asked"}),
    "confirm_address": ("address", {"email": "bob@example.com", "reason": "Asked"}),
    "send_reset_link": ("reset-link", {"reason": "Asked"}),
}


def removes_first(app: Flask, gone: sa.Delete, verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return the verb as it runs where another worker removes the row right before it."""

    def remove() -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(gone)

    def late(*args: object, **kwargs: object) -> object:
        with ThreadPoolExecutor(1) as another:
            another.submit(remove).result()
        return verb(*args, **kwargs)

    return late


@pytest.mark.parametrize("act", ACTS)
def test_an_act_on_somebody_who_was_just_removed_is_answered_on_the_list(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    with each_app.app_context():
        factories.administrator("root")
        user_id = factories.claimant("bob").id
    browser, (page, answers) = Browser(each_app.test_client()), ACTS[act]
    browser.log_in("root", factories.PASSWORD)
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]
    bob = sa.delete(User).where(User.id == user_id)
    monkeypatch.setattr(lifecycle, act, removes_first(each_app, bob, getattr(lifecycle, act)))

    answer: Page = browser.post(f"/admin/users/{user_id}/{page}", {"csrf_token": token} | answers)

    assert (answer.path, answer.status) == ("/admin/users", 200)
    assert GONE in answer


@pytest.mark.parametrize(("act", "page"), [("change", ""), ("delete", "/deletion")])
def test_an_act_on_a_role_that_was_just_removed_is_answered_on_their_list(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch, act: str, page: str
) -> None:
    with each_app.app_context():
        factories.administrator("root")
        role_id = role_definitions.create("temporary", ["users.view"], by=OPERATOR).id
    browser = Browser(each_app.test_client())
    browser.log_in("root", factories.PASSWORD)
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]
    verb, temporary = getattr(role_definitions, act), sa.delete(Role).where(Role.id == role_id)
    monkeypatch.setattr(role_definitions, act, removes_first(each_app, temporary, verb))

    answer: Page = browser.post(
        f"/admin/roles/{role_id}{page}", {"csrf_token": token, "permissions": ["audit.view"]}
    )

    assert (answer.path, answer.status) == ("/admin/roles", 200)
    assert "This role no longer exists." in answer and GONE not in answer


def test_nobody_is_removed_while_a_role_is_granted_to_them(
    each_domain: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.claimant("bob")
    bob_id, find, removals = bob.id, roles.find, []
    is_left_alone = ~sa.exists().where(UserRole.user_id == User.id)
    monkeypatch.setattr(expiry, "is_ghost", lambda: is_left_alone)

    def remove() -> None:
        with each_domain.app_context():
            expiry.remove_batch([bob_id], by=Actor.system())

    def find_late(name: str) -> Role | None:
        """The last that is read before the role is given: now somebody else removes the person."""
        removals.append(another.submit(remove))
        with suppress(TimeoutError):
            removals[0].result(0.3)
        return find(name)

    monkeypatch.setattr(roles, "find", find_late)
    with ThreadPoolExecutor(1) as another:
        roles.grant(bob, "support", by=OPERATOR)
        removals[0].result()

    db.session.rollback()
    assert roles.roles_of(db.session.get_one(User, bob_id)) == ["support"]
