"""The directory as staff see it."""

import re

import pytest
from flask import Flask

from app import clock
from app.accounts import statistics
from app.accounts.models import User
from app.web.admin import words
from tests import factories
from tests.accounts.test_directory import move_in, note_people
from tests.browser import Browser, Page
from tests.conftest import counted

ODD_NAMES = [
    None,
    "",
    " ",
    "\u200b",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "\u202egnirts",
    "\u05d0\u05dc\u05d9\u05e1",
    "{{ 7 * 7 }}",
    "%s %(name)s",
    "w" * 200,
]


def test_staff_find_somebody_and_open_their_page(browser: Browser, root: User, bob: User) -> None:
    found = browser.get("/admin/users?q=BO")

    assert "1 person" in found and "bob@example.com" in found
    assert f"/admin/users/{root.id}" not in found.html
    assert browser.get(f"/admin/users/{bob.id}").title.startswith("bob")


def test_nobody_found_says_how_people_are_found(browser: Browser, root: User) -> None:
    page = browser.get("/admin/users?q=nobody")

    assert page.status == 200
    assert "Nobody found" in page and "Show everybody" in page
    assert page.value("q") == "nobody"


def test_filters_live_in_the_address_and_go_along_to_the_next_page(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        move_in({"name": f"p{number:03}"} for number in range(120))

    first = browser.get("/admin/users?q=p&status=no-address&sort=name")
    second = browser.get(next_of(first))
    third = browser.get(next_of(second))

    assert "120 people" in first and "p000" in first and "p049" in first
    assert "p050" in second and "p099" in second and "p049" not in second
    assert "p119" in third and "Previous" in third and "Next" not in third
    assert third.value("status") == "no-address"
    assert 'aria-sort="ascending"' in third.html


def test_the_badge_of_a_status_is_that_of_its_filter(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        factories.without_address("bare")
        factories.claimant("claims")
        move_in([{"name": "gone", "deactivated_at": clock.now()}])

    for status, badge in words.STATUSES.items():
        page = browser.get(f"/admin/users?status={status}")
        badges = re.findall(r'class="badge [^"]*">([^<]*)', page.html)
        assert badges == [badge], status


def next_of(page: Page) -> str:
    [link] = [address for address, words in page.links if words == "Next"]
    return link


@pytest.mark.parametrize(
    "address",
    [
        "?cursor=x",
        "?cursor=W3RydWUsMCwidGV4dCJd",
        "?status=x&role=y&sort=z",
        "?q=%00",
        "?q=%ff",
        "?q=" + "x" * 4000,
        "?q=a&q=b",
        "?_external=1&cursor=",
        "?q=99999999999999999999",
    ],
)
def test_an_address_made_by_hand_is_no_500(browser: Browser, root: User, address: str) -> None:
    assert browser.get(f"/admin/users{address}").status == 200


@pytest.mark.parametrize(
    "address",
    [
        "/admin/users?role=%00",
        "/admin/audit?event=%00",
        "/admin/audit?ip=fe80::1%25%00",
        "/admin/audit?who=%00",
        "/admin/mail?state=%00&to=%00",
    ],
)
def test_a_filter_that_no_engine_could_store_finds_nothing(each_app: Flask, address: str) -> None:
    with each_app.app_context():
        factories.administrator()
    browser = Browser(each_app.test_client())
    browser.log_in("root", factories.PASSWORD)

    assert browser.get(address).status in {200, 422}


def test_many_people_are_counted_as_well_as_is_known(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        note_people(1_234_567)
    assert "About 1,234,567 people" in browser.get("/admin/users")
    assert "1 person" in browser.get("/admin/users?q=root")


def test_a_page_costs_the_same_statements_however_many_people_are_on_it(
    app: Flask, browser: Browser, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statements(query: str = "") -> int:
        with counted(app, monkeypatch) as notes:
            browser.get(f"/admin/users{query}")
        return len(notes["sql"])

    few = statements()
    with app.app_context():
        move_in({"name": f"p{number:03}", "last_seen_at": None} for number in range(80))

    # The session, the viewer's permissions, the people with their number, the roles.
    assert few == statements() == 4
    assert statements("?q=p") == 5, "and how broad a search is"


def test_a_name_is_only_ever_text(app: Flask, browser: Browser, root: User) -> None:
    with app.app_context():
        move_in({"name": name} for name in ODD_NAMES)

    for address in ("/admin", "/admin/users", *(f"/admin/users/{n}" for n in range(2, 13))):
        page = browser.get(address)
        assert page.status == 200
        assert "<script>alert" not in page.html and "<img" not in page.html
        assert "49" not in page.title
    assert browser.get("/admin/users").text.count("(no name)") == 4


def test_somebody_without_a_role_sees_nothing_of_it(
    app: Flask, browser: Browser, alice: User
) -> None:
    browser.log_in("alice", factories.PASSWORD)

    assert "Staff" not in browser.get("/account")
    assert browser.get("/admin").status == browser.get("/admin/users").status == 403


def test_the_menu_shows_what_the_permissions_open(
    app: Flask, browser: Browser, another_browser: Browser, root: User
) -> None:
    with app.app_context():
        factories.holder("auditor", "audit.view")
    another_browser.log_in("auditor", factories.PASSWORD)

    everything = browser.get("/account")
    page = another_browser.get("/admin/audit")

    assert ("/admin", "Staff") in everything.links
    assert ("/admin/audit", "Staff") in page.links
    assert ("/admin/audit", "Audit trail") in page.links
    assert not [link for link, _ in page.links if link.startswith(("/admin/users", "/admin/mail"))]


def test_filters_stand_back_until_one_is_chosen(browser: Browser, root: User) -> None:
    def is_open(query: str) -> bool:
        [details] = re.findall('<details class="others"[^>]*>', browser.get(query).html)
        return "open" in details

    assert not is_open("/admin/users")
    assert not is_open("/admin/users?q=root&status=&role=&sort=newest"), "as the form is sent"
    assert is_open("/admin/users?status=active") and is_open("/admin/users?sort=name")


def test_people_counted_before_anybody_came_are_no_figure(
    app: Flask, browser: Browser, root: User
) -> None:
    with app.app_context():
        note_people(0)
    page = browser.get("/admin")

    assert "People –" in page and "People 0" not in page
    assert page.text.index("Counted:") < page.text.index("Sign-ups per day")


def test_the_dashboard_without_a_worker_says_what_to_do(
    app: Flask, browser: Browser, root: User
) -> None:
    page = browser.get("/admin")
    assert "No worker counts these figures now." in page and "flask worker" in page

    with app.app_context():
        factories.claimant("carol")
        statistics.count()
    page = browser.get("/admin")
    assert "No worker" not in page
    assert "People 2" in page
    assert "Active today 2" in page
    assert "Least 0, most 1, 1 in all." in page
    assert page.html.count('role="img"') == 1
    assert len(re.findall(r"<rect[^>]*>\s*<title>\d+ \w+[^<]*: [01]</title>", page.html)) == 30
    assert "Show as a table" in page
