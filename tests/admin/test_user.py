"""One person, as staff look after them."""

import re

import pytest
from flask import Flask

from app.accounts import directory, role_definitions, roles
from app.accounts.models import User, UserSession
from app.audit import EVENTS, Actor
from app.db import db
from app.web.admin import words
from tests import factories
from tests.accounts.test_directory import move_in
from tests.browser import Browser
from tests.outbox import Outbox

REASON = "Asked at the desk"


def test_everything_about_somebody_on_a_page(
    app: Flask, browser: Browser, another_browser: Browser, root: User, bob: User
) -> None:
    another_browser.log_in("bob", factories.PASSWORD)
    page = browser.get(f"/admin/users/{bob.id}")

    assert page.title.startswith("bob")
    for fact in ("bob@example.com", "Active", "Made by the operator", "192.0.2.7", "Logged in"):
        assert fact in page, fact
    with app.app_context():
        assert db.session.scalar(db.select(UserSession.digest)) not in page.html


def test_a_history_without_events_says_so(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        move_in([{"name": "of the tutorial"}])

    assert "Nothing that happened to this account was written down." in browser.get(
        "/admin/users/2"
    )


def test_nobody_has_that_id(browser: Browser, root: User) -> None:
    for user_id in (99, 2**31, 2**63 - 1, 2**63):
        assert browser.get(f"/admin/users/{user_id}").status == 404
        assert browser.get(f"/admin/users/{user_id}/deactivation").status == 404


def test_create_somebody_who_chooses_their_own_password(
    app: Flask, browser: Browser, another_browser: Browser, root: User, outbox: Outbox
) -> None:
    page = browser.submit("/admin/users/new", name="carol", email="carol@example.com")

    assert page.path == "/admin/users/2" and "We mailed them how to choose a password." in page
    assert "Made by staff" in page and "Not chosen yet" in page
    assert not another_browser.log_in("carol", "").path.startswith("/account")
    assert outbox.to("carol@example.com")


def test_what_cannot_be_created_is_said_on_the_form(
    browser: Browser, root: User, bob: User
) -> None:
    taken = browser.submit("/admin/users/new", name="BOB", email="new@example.com")
    assert taken.status == 422 and "This name is taken" in taken
    assert taken.value("email") == "new@example.com"
    same = browser.submit("/admin/users/new", name="carol", email="bob@example.com")
    assert same.status == 422 and "belongs to another account" in same
    assert browser.submit("/admin/users/new", name="", email="@").status == 422


def test_deactivate_and_reactivate(
    browser: Browser, another_browser: Browser, root: User, bob: User
) -> None:
    another_browser.log_in("bob", factories.PASSWORD)
    act = f"/admin/users/{bob.id}/deactivation"
    first = re.search(
        rf'<a class="([^"]*)" href="{act}">', browser.get(f"/admin/users/{bob.id}").html
    )
    assert first and first[1].split() == ["btn"], "what only leads there is neutral"
    consequences = browser.get(act)
    assert "1 session ends at once." in consequences
    red = re.search(r'class="btn danger">\s*([^<]*?)\s*<', consequences.html)
    assert red and red[1] == "Deactivate the account"
    empty = browser.submit(act, reason=" ")
    assert empty.status == 422 and "Enter a reason" in empty

    page = browser.submit(act, reason=REASON)

    assert "Account deactivated. We ended 1 session." in page
    assert REASON in page and "Reactivate" in page
    assert not another_browser.is_logged_in()
    assert "reset link" not in page, "no link gets in whoever is locked out"
    again = browser.submit(act, reason=REASON)
    assert again.status == 422 and again.value("reason") == REASON
    assert "deactivated already" in again

    page = browser.submit(f"/admin/users/{bob.id}/reactivation", reason="A mistake")
    assert "Account reactivated." in page
    assert another_browser.log_in("bob", factories.PASSWORD).path == "/account"


def test_the_last_administrator_stays(
    app: Flask, browser: Browser, another_browser: Browser, root: User
) -> None:
    with app.app_context():
        factories.holder("clerk", *roles.ALL)
    another_browser.log_in("clerk", factories.PASSWORD)

    page = another_browser.submit(f"/admin/users/{root.id}/deactivation", reason=REASON)

    assert page.status == 422 and "This is the last administrator." in page


def test_end_one_session_and_all_of_them(
    browser: Browser, another_browser: Browser, root: User, bob: User
) -> None:
    person = f"/admin/users/{bob.id}"
    another_browser.log_in("bob", factories.PASSWORD)
    [end] = [f["action"] for f in browser.get(person).forms if "/sessions/" in f["action"]]

    assert "That device is logged out." in browser.press(person, end)
    assert not another_browser.is_logged_in()

    another_browser.log_in("bob", factories.PASSWORD)
    page = browser.get(f"{person}/session-end")
    token = page.form_with("csrf_token")["fields"]["csrf_token"]
    assert "We ended 1 session." in browser.post(page.path, {"csrf_token": token})
    assert not another_browser.is_logged_in()
    gone = browser.post(end, {"csrf_token": token})
    assert "That device was not logged in any more." in gone


def test_nobody_ends_a_session_under_another_s_name(
    app: Flask, browser: Browser, another_browser: Browser, root: User, bob: User, alice: User
) -> None:
    another_browser.log_in("alice", factories.PASSWORD)
    with app.app_context():
        theirs = db.session.scalar(db.select(UserSession.id).where(UserSession.user_id == alice.id))
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    browser.post(f"/admin/users/{bob.id}/sessions/{theirs}/end", {"csrf_token": token})

    assert another_browser.is_logged_in()


def test_correct_an_address(
    browser: Browser, another_browser: Browser, root: User, bob: User, alice: User
) -> None:
    act = f"/admin/users/{bob.id}/address"
    taken = browser.submit(act, email=alice.email, reason=REASON)
    assert taken.status == 422 and "belongs to another account" in taken
    assert taken.value("reason") == REASON

    page = browser.submit(act, email="robert@example.com", reason=REASON)

    assert "Address set." in page and "Before: bob@example.com" in page
    assert another_browser.log_in("robert@example.com", factories.PASSWORD).path == "/account"


def test_confirm_an_address_in_somebody_s_place(
    app: Flask, browser: Browser, another_browser: Browser, root: User
) -> None:
    with app.app_context():
        carol = factories.claimant("carol")
    assert "Not confirmed" in browser.get(f"/admin/users/{carol.id}")

    page = browser.submit(f"/admin/users/{carol.id}/address", reason=REASON)

    assert "Address set." in page and "Active" in page
    assert another_browser.log_in("carol@example.com", factories.PASSWORD).path == "/account"


def test_mail_a_reset_link(browser: Browser, root: User, bob: User, outbox: Outbox) -> None:
    act = f"/admin/users/{bob.id}/reset-link"
    assert "mailed to the person" in browser.get(act)
    page = browser.submit(act, reason=REASON)

    assert "We mailed them a link." in page
    link = outbox.link_to(bob)
    assert link.startswith("/password/reset/")
    assert link.rpartition("/")[2] not in page.html + browser.get("/admin/mail").html


def test_without_mail_the_link_is_shown_once(make_app, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(MAIL_SERVER="none")
    with app.app_context():
        factories.administrator("root")
    browser = Browser(app.test_client())
    browser.log_in("root", factories.PASSWORD)

    assert "We mail" not in browser.get("/admin/users/new")
    page = browser.submit("/admin/users/new", name="carol", email="")
    assert "Make a reset link and hand it over" in page
    asked = browser.get(f"{page.path}/reset-link")
    assert "Kept in the audit trail." in asked and "mailed to the person" not in asked
    made = browser.submit(f"{page.path}/reset-link", reason=REASON)

    [link] = re.findall(r"/password/reset/[\w-]+", made.text)
    assert "Handed over? Back to carol" in made
    assert made.headers["Cache-Control"] == "no-store"
    assert browser.get(link).form_with("password")
    assert link not in browser.get(page.path).html
    assert "sends no mail" in browser.get("/admin/mail")


def test_give_and_take_roles(app: Flask, browser: Browser, root: User, bob: User) -> None:
    page = choose_roles(browser, bob, "support", "administrator")
    assert "Roles saved." in page and "administrator, support" in page

    page = choose_roles(browser, bob)
    assert "None: no more than everybody may do." in page
    unknown = choose_roles(browser, bob, "emperor")
    assert unknown.status == 422 and "Choose among these." in unknown


def test_an_old_form_changes_only_what_was_changed_on_it(
    app: Flask, browser: Browser, root: User, bob: User
) -> None:
    with app.app_context():
        for name in ("night shift", "writer"):
            role_definitions.create(name, ["jobs.view"], by=Actor.operator())
            roles.grant(bob, name, by=Actor.operator())
    old = browser.get(f"/admin/users/{bob.id}/roles")
    with app.app_context():
        roles.grant(bob, "support", by=Actor.operator())
        roles.revoke(bob, "writer", by=Actor.operator())

    page = browser.fill(old, roles=["writer", "administrator"])

    assert "Roles saved." in page
    with app.app_context():
        assert roles.roles_of(bob) == ["administrator", "support"]


def test_an_old_form_of_a_role_changes_only_what_was_changed_on_it(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        role = role_definitions.create("readers", ["users.view", "jobs.view"], by=Actor.operator())
    old = browser.get(f"/admin/roles/{role.id}")
    with app.app_context():
        role_definitions.change(
            role, ["mail.view", "users.view"], shown=["users.view"], by=Actor.operator()
        )

    browser.fill(old, permissions=["users.view", "audit.view"])

    with app.app_context():
        assert roles.permissions_in(role) == {"users.view", "audit.view", "mail.view"}


def choose_roles(browser: Browser, user: User, *names: str) -> object:
    page = browser.get(f"/admin/users/{user.id}/roles")
    token = page.form_with("csrf_token", "roles")["fields"]["csrf_token"]
    return browser.post(page.path, {"csrf_token": token, "roles": list(names)})


def test_nobody_adds_to_their_own_roles_and_the_form_says_so(
    app: Flask, browser: Browser, root: User
) -> None:
    page = choose_roles(browser, root, "administrator", "support")

    assert page.status == 422 and "Nobody adds to their own permissions." in page
    with app.app_context():
        assert roles.roles_of(directory.with_id(root.id)) == ["administrator"]


def test_a_change_of_roles_is_made_whole_or_not_at_all(
    app: Flask, browser: Browser, another_browser: Browser, root: User
) -> None:
    with app.app_context():
        factories.holder("clerk", *roles.ALL)
    another_browser.log_in("clerk", factories.PASSWORD)

    page = choose_roles(another_browser, root, "support")

    assert page.status == 422 and "This is the last administrator." in page
    with app.app_context():
        assert roles.roles_of(directory.with_id(root.id)) == ["administrator"]


ACTS = {
    "users.deactivate": ["deactivation", "reactivation"],
    "users.edit": ["address", "reset-link", "session-end", "sessions/1/end"],
    "roles.grant": ["roles"],
}


@pytest.mark.parametrize("missing", ACTS)
def test_each_act_needs_its_permission(
    app: Flask, browser: Browser, another_browser: Browser, bob: User, missing: str
) -> None:
    with app.app_context():
        factories.holder("clerk", *(roles.ALL - {missing}))
    browser.log_in("clerk", factories.PASSWORD)
    page = browser.get(f"/admin/users/{bob.id}")
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    for act in ACTS[missing]:
        address = f"/admin/users/{bob.id}/{act}"
        assert (address, act) not in page.links
        answer = browser.post(address, {"csrf_token": token, "reason": REASON})
        assert answer.status == 403, address
    for permission in ACTS.keys() - {missing}:
        for act in ACTS[permission]:
            if "/" not in act:
                assert browser.get(f"/admin/users/{bob.id}/{act}").status == 200


def test_the_page_offers_no_act_on_whoever_stands_above(
    app: Flask, browser: Browser, another_browser: Browser, root: User, bob: User
) -> None:
    with app.app_context():
        sam = factories.person("sam")
        roles.grant(sam, "support", by=Actor.operator())
    another_browser.log_in("sam", factories.PASSWORD)

    assert "Set the address" in another_browser.get(f"/admin/users/{bob.id}")
    for above in (root, sam):
        page = another_browser.get(f"/admin/users/{above.id}")
        assert page.status == 200 and "Set the address" not in page
        assert "Log out" not in [words for address, words in page.links]
    for act in ("reset-link", "address", "session-end"):
        refused = another_browser.get(f"/admin/users/{root.id}/{act}")
        assert refused.status == 403 and "beyond your own permissions" in refused


def test_every_event_of_the_trail_has_its_words() -> None:
    assert words.EVENTS.keys() == EVENTS.keys()
    assert {detail for details in EVENTS.values() for detail in details} == words.DETAILS.keys()
