"""How many statements each page sends to the database, so that it cannot grow unnoticed.

Driven from the map of addresses: a new page fails until it has its line here.
"""

import pytest
from flask import Flask

from app import audit, clock, mail
from app.accounts import role_definitions
from app.accounts.models import User
from app.audit import Actor, Named
from app.db import atomic, db
from app.web.guards import is_public
from tests import factories
from tests.conftest import counted

# A stranger's page costs nothing, except where it looks up a mailed secret or the database itself.
OF_STRANGERS = {"auth.verify": 1, "auth.reset": 1, "auth.setup": 2, "site.ready": 3}

# The session with its person is one statement; the rest is what the page is about.
OF_PEOPLE = {
    "account.overview": 1,
    "account.email": 1,
    "account.password": 1,
    "account.sessions": 2,
    "account.appearance": 1,
    "auth.confirm": 1,
    "auth.verify_code": 1,
}

# Session, permissions, and what is shown; however many rows there are.
OF_STAFF = {
    "admin.dashboard": 6,
    "admin.users": 4,
    "admin.user": 8,
    "admin.new_user": 2,
    "admin.deactivation": 5,
    "admin.reactivation": 4,
    "admin.session_end": 5,
    "admin.address": 4,
    "admin.reset_link": 4,
    "admin.user_roles": 7,
    "admin.audit": 3,
    "admin.mail": 3,
    "admin.roles": 4,
    "admin.new_role": 2,
    "admin.role": 4,
    "admin.role_deletion": 4,
    "admin.system": 9,
}
FOR_DEVELOPERS = ("static", "dev.")
CROWD = 120  # more than two pages of people, of acts and of mails
VALUES = {"token": "nonsense", "user_id": 1, "role_id": 2}

# A page, a way to another one, a link that works no more, a file that is not configured.
OK = {200, 302, 303, 410, 404}


@pytest.fixture
def lenient(app: Flask) -> Flask:
    """The site without tokens in its forms: what is counted here are pages."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def pages(app: Flask) -> dict[str, str]:
    """Return every page that can be asked for, and an address of it."""
    with app.test_request_context():
        urls = app.url_map.bind("localhost")
        return {
            rule.endpoint: urls.build(
                rule.endpoint, {name: VALUES[name] for name in rule.arguments}
            )
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and not rule.endpoint.startswith(FOR_DEVELOPERS)
        }


def test_every_page_has_its_number(app: Flask) -> None:
    with app.app_context():
        behind_login = {endpoint for endpoint in pages(app) if not is_public(endpoint)}

    assert behind_login == OF_PEOPLE.keys() | OF_STAFF.keys(), "say how many statements it may send"


def spent(
    app: Flask, monkeypatch: pytest.MonkeyPatch, name: str | None, addresses: dict[str, str]
) -> dict[str, int]:
    """Return how many statements each page sends, for whoever has this name, or for a stranger."""
    client = app.test_client()
    if name:
        answers = {"identifier": name, "password": factories.PASSWORD}
        assert client.post("/login", data=answers).status_code == 303
    found = {}
    for endpoint, address in addresses.items():
        with counted(app, monkeypatch) as notes:
            status = client.get(address).status_code
        assert status in OK, f"{address}: {status}"
        found[endpoint] = len(notes["sql"])
    return found


def too_many(found: dict[str, int], most: dict[str, int]) -> dict[str, int]:
    return {page: number for page, number in found.items() if number > most.get(page, 0)}


def test_a_page_for_strangers_asks_the_database_nothing(
    lenient: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = pages(lenient)

    assert too_many(spent(lenient, monkeypatch, None, addresses), OF_STRANGERS) == {}


def test_a_page_of_an_account_asks_little(lenient: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with lenient.app_context():
        factories.claimant("bob")
    mine = {page: address for page, address in pages(lenient).items() if page in OF_PEOPLE}

    assert too_many(spent(lenient, monkeypatch, "bob", mine), OF_PEOPLE) == {}
    assert OF_PEOPLE["account.overview"] <= 2


def test_a_page_of_the_staff_asks_as_much_of_a_crowd_as_of_a_few(
    lenient: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lenient.app_context():
        factories.person("alice")
        factories.administrator("root")
    theirs = {page: address for page, address in pages(lenient).items() if page in OF_STAFF}

    few = spent(lenient, monkeypatch, "root", theirs)
    with lenient.app_context():
        let_a_crowd_in()
    many = spent(lenient, monkeypatch, "root", theirs)

    assert too_many(many, OF_STAFF) == {}
    assert many == few


@atomic
def let_a_crowd_in() -> None:
    now = clock.now()
    for number in range(CROWD):
        db.session.add(User(name=f"w{number}", name_key=f"w{number}", created_at=now))
        address = f"w{number}@example.com"
        mail.send("test", to=address, to_key=address, user=None, link="")
        audit.record("login.failed", by=Actor.operator(), on=Named(1, "alice"))
    for number in range(12):
        role_definitions.create(f"role {number}", ["users.view", "mail.view"], by=Actor.operator())
