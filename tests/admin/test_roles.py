"""Roles: what they let their holders do, and who may say so."""

from flask import Flask

from app.accounts import roles
from app.accounts.models import User
from app.audit import Actor
from tests import factories
from tests.browser import Browser, Page


def send(browser: Browser, address: str, **answers: object) -> Page:
    token = browser.get(address).form_with("csrf_token", "permissions")["fields"]["csrf_token"]
    return browser.post(address, {"csrf_token": token, **answers})


def test_make_change_and_delete_a_role(app: Flask, browser: Browser, root: User) -> None:
    page = send(browser, "/admin/roles/new", name="Auditors", permissions=["audit.view"])
    assert "Role created." in page and "auditors See the audit trail" in page
    with app.app_context():
        role_id = roles.find("auditors").id

    page = send(browser, f"/admin/roles/{role_id}", permissions=["audit.view", "mail.view"])
    assert "Role saved." in page and "See the outbox and try a mail again" in page

    page = press_delete(browser, role_id)
    assert "Role deleted." in page and "auditors" not in page
    assert browser.get(f"/admin/roles/{role_id}").status == 404


def press_delete(browser: Browser, role_id: int) -> Page:
    page = browser.get(f"/admin/roles/{role_id}/deletion")
    for form in page.forms:
        if form["action"] is None:
            return browser.post(page.path, form["fields"])
    raise AssertionError(f"no button on {page!r}")


def test_a_role_that_somebody_holds_stays(
    app: Flask, browser: Browser, root: User, bob: User
) -> None:
    with app.app_context():
        roles.grant(bob, "support", by=Actor.operator())
        support = roles.find("support").id

    page = browser.get(f"/admin/roles/{support}/deletion")
    assert ("/admin/users?role=support", "Show who holds it") in page.links
    assert not [form for form in page.forms if form["action"] is None], "a button that is refused"
    token = page.form_with("csrf_token")["fields"]["csrf_token"]

    page = browser.post(page.path, {"csrf_token": token})

    assert page.status == 422 and "Somebody holds this role." in page


def test_what_cannot_be_a_role_is_said_on_the_form(browser: Browser, root: User) -> None:
    for name in ("", "support", "x" * 65):
        page = send(browser, "/admin/roles/new", name=name, permissions=["audit.view"])
        assert page.status == 422, name
    page = send(browser, "/admin/roles/new", name="king", permissions=["rule.all"])
    assert page.status == 422 and "Choose among these." in page


def test_nobody_offers_what_they_do_not_hold(app: Flask, browser: Browser) -> None:
    with app.app_context():
        factories.holder("clerk", "roles.grant", "users.view")
        support = roles.find("support").id
    browser.log_in("clerk", factories.PASSWORD)

    page = browser.get("/admin/roles/new")
    assert 'value="users.view"' in page.html and 'value="audit.view"' not in page.html
    page = send(browser, "/admin/roles/new", name="more", permissions=["audit.view"])
    assert page.status == 422
    assert f"/admin/roles/{support}" not in {link for link, _ in browser.get("/admin/roles").links}


def test_roles_need_their_permission(app: Flask, browser: Browser, bob: User) -> None:
    with app.app_context():
        factories.holder("clerk", *(roles.ALL - {"roles.grant"}))
    browser.log_in("clerk", factories.PASSWORD)
    token = browser.get("/account/sessions").forms[0]["fields"]["csrf_token"]

    for address in (
        "/admin/roles",
        "/admin/roles/new",
        "/admin/roles/2",
        "/admin/roles/2/deletion",
    ):
        assert browser.get(address).status == 403
    for address in ("/admin/roles/new", "/admin/roles/2", "/admin/roles/2/deletion"):
        assert browser.post(address, {"csrf_token": token, "name": "x"}).status == 403
