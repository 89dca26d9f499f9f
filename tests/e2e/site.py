"""The real site on a port of this machine, and the screens that it can show."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask, abort
from flask_migrate import upgrade
from playwright.sync_api import Page, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from app import clock, create_app, jobs
from app.accounts import registration, role_definitions, roles, setup, statistics, tokens
from app.accounts.models import User, UserSession
from app.accounts.names import name_key
from app.accounts.tokens import Purpose
from app.audit import Actor
from app.db import Busy, affected, atomic, db
from app.mail import Mail, State
from app.schema import state as schema_notes
from app.throttle import Exceeded
from app.web.guards import public

PASSWORD = "orchard lantern seven"


class Quiet(WSGIRequestHandler):
    def log_request(self, *args: object) -> None:
        """Leave the output to pytest."""


@dataclass(frozen=True)
class Site:
    app: Flask
    url: str

    def settle(self) -> None:
        """Let the people of SCREENS move in; PASSWORD is everybody's."""
        with self.app.app_context():
            here, operator = Actor.visitor("127.0.0.1"), Actor.operator()
            registration.create(ADA, "ada.lovelace@example.com", PASSWORD, by=operator)
            registration.register(BLAISE, "blaise.pascal@gmial.com", PASSWORD, by=here)
            registration.create(GRACE, None, PASSWORD, by=operator)
            longest = f"{'w' * 64}@{'w' * 60}.{'w' * 60}.example.com"
            registration.create(LONGEST, longest, PASSWORD, by=operator)
            root = registration.create(ROOT, "root@example.com", PASSWORD, by=operator)
            roles.grant(root, roles.ADMINISTRATOR, by=operator)
            sam = registration.create(SAM, "sam@example.com", PASSWORD, by=operator)
            roles.grant(sam, "support", by=operator)
            role_definitions.create("auditors", ["audit.view"], by=operator)
            let_a_crowd_in()
            let_mails_end()
            statistics.count()
            statistics.store(sign_ups_of_a_month())

    def let_confirmations_lapse(self) -> None:
        """Make it long ago that anybody proved who they are."""
        with self.app.app_context():
            lapse()

    @contextmanager
    def without_administrator(self) -> Iterator[str]:
        """Be as at the first start for a while; yield where the first administrator is made."""
        with self.app.app_context():
            let_administrator(clock.now())
            try:
                yield urlsplit(str(setup.make_link(by=Actor.operator()))).path
            finally:
                let_administrator(None)

    @contextmanager
    def backfill_under_way(self) -> Iterator[None]:
        """Have a note for a while that a backfill is under way, and how far it is."""
        with self.app.app_context(), db.engine.begin() as connection:
            schema_notes.begin(connection, "0099", "user", 10000)
            schema_notes.note(connection, "0099", done=6200, rate=95.0)
            yield
            mine = schema_notes.backfills.c.revision == "0099"
            connection.execute(sa.delete(schema_notes.backfills).where(mine))

    def live(self, path: str) -> str:
        """Return the path of a mailed link with a secret that works; any other as it is."""
        if path not in LINKS:
            return path
        with self.app.app_context():
            return path + secret_for(*LINKS[path])


@atomic
def secret_for(purpose: str, name: str) -> str:
    user = db.session.scalars(sa.select(User).where(User.name == name)).one()
    address = user.pending_email if purpose == Purpose.VERIFY_EMAIL else user.email
    return tokens.issue(purpose, user, address=address).secret


@atomic
def lapse() -> None:
    affected(sa.update(UserSession).values(confirmed_at=None))


@atomic
def let_administrator(deactivated_at: datetime | None) -> None:
    affected(sa.update(User).where(User.name == ROOT).values(deactivated_at=deactivated_at))


@atomic
def let_a_crowd_in() -> None:
    """More people than a page has room for, some with names as only the tutorial took them."""
    odd: list[str | None] = [
        None,
        "",
        "<script>alert(1)</script>",
        "\u05d0\u05dc\u05d9\u05e1 42",
        "w" * 200,
    ]
    names = [*(f"Person {number:02}" for number in range(60)), *odd]
    moment = clock.now() - timedelta(days=90)
    db.session.add_all(
        User(
            name=name,
            name_key=name_key(name) if name and name.isascii() else None,
            created_at=moment,
            deactivated_at=moment if number % 7 == 3 else None,
        )
        for number, name in enumerate(names)
    )


@atomic
def let_mails_end() -> None:
    """Let one mail be put off, and another be refused."""
    ends = {State.DEFERRED: "450 Try again later", State.REFUSED: "550 No such mailbox"}
    for row, state in zip(db.session.scalars(sa.select(Mail)), ends, strict=False):
        row.state, row.reason, row.attempts = state, ends[state], 2
        row.next_try_at = clock.now() + timedelta(hours=1)


def sign_ups_of_a_month() -> list[statistics.Figure]:
    today = clock.now().date()
    return [
        statistics.Figure(today - timedelta(days=ago), statistics.SIGN_UPS, (ago * 37) % 23)
        for ago in range(1, 29)
    ]


@contextmanager
def serve(database_url: str) -> Iterator[Site]:
    """Run the site on a new database, on loopback, until the end of the block."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": database_url, "TEMPLATES_AUTO_RELOAD": False})
    app.add_url_rule("/broken/<int:code>", "broken", public(broken))
    # Of its own: the site's logger is shared with every other test of this process.
    app.logger = logging.Logger("quiet", logging.CRITICAL)
    with app.app_context():
        upgrade()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    app.config["PUBLIC_URL"] = f"http://127.0.0.1:{server.port}"  # where a mailed link leads
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site(app, f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def working(site: Site) -> Iterator[None]:
    """Run a worker beside the site until the end of the block."""
    stop = Event()

    def work() -> None:
        with site.app.app_context():
            jobs.work(stop.is_set)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def broken(code: int) -> None:
    """Answer with an error that nobody can cause at will."""
    match code:
        case 429:
            raise Exceeded(clock.now() + timedelta(minutes=12))
        case 500:
            raise RuntimeError("broken on purpose")
        case 503:
            raise Busy
    abort(code)


def send(**answers: str) -> Callable[[Page], None]:
    """Fill in the form of the page and send it with its own button."""

    def fill_and_send(page: Page) -> None:
        for name, value in answers.items():
            field = page.locator(f"main [name={name}]")
            if field.first.get_attribute("type") == "radio":
                page.locator(f"main [name={name}][value={value}]").check()
            else:
                field.fill(value)
        button = page.locator("main form [type=submit], main form button:not([type])").first
        with page.expect_navigation():  # and its stylesheet: what is measured next depends on it
            button.click()

    return fill_and_send


def send_confirmed(**answers: str) -> Callable[[Page], None]:
    """Send the form as staff, who may be asked to confirm who they are."""

    def fill_and_send(page: Page) -> None:
        send(**answers)(page)
        if page.url.endswith("/confirm"):
            send(password=PASSWORD)(page)
            send()(page)

    return fill_and_send


def with_a_stale_token(page: Page) -> None:
    page.context.clear_cookies()
    send(identifier="Eve", password=PASSWORD)(page)


def follow(words: str) -> Callable[[Page], None]:
    """Click the link that says this."""

    def click(page: Page) -> None:
        with page.expect_navigation():
            page.locator("main").get_by_role("link", name=words, exact=True).click()

    return click


def by_the_wrong_method(page: Page) -> None:
    script = (
        "f = document.createElement('form'); f.method = 'post'; document.body.append(f); f.submit()"
    )
    with page.expect_navigation():
        page.evaluate(script)


def act(page: Page) -> None:
    """Ask for an act that needs a confirmation."""
    page.evaluate(
        "document.querySelector('[action$=logout]').action = '/account/sessions/others/end'"
    )
    with page.expect_navigation():
        page.evaluate("document.querySelector('[action$=end]').submit()")


def act_and_confirm(page: Page) -> None:
    act(page)
    send(password=PASSWORD)(page)


STRANGER = ""
ADA = "Ada"
BLAISE = "Blaise"  # his address waits to be confirmed, and looks like a slip
GRACE = "Grace"  # came without an address
LONGEST = "W" * 32  # and an address as long as they come
LINKS = {
    "/verify/": (Purpose.VERIFY_EMAIL, BLAISE),
    "/password/reset/": (Purpose.RESET_PASSWORD, ADA),
}
ROOT = "Root"  # an administrator
SAM = "Sam"  # of the support


@dataclass(frozen=True)
class Screen:
    """One page in one state: where it is, who looks at it, and what they did there."""

    name: str
    endpoint: str
    path: str
    who: str = STRANGER
    then: Callable[[Page], None] | None = None
    unconfirmed: bool = False
    first: bool = False  # there is no administrator yet
    filling: bool = False  # a backfill is under way
    statuses: tuple[int, ...] = (200, 422)

    def open(self, page: Page, site: Site) -> None:
        came = 0

        def note(answer: Response) -> None:
            nonlocal came
            came = answer.status if answer.request.is_navigation_request() else came

        page.on("response", note)
        try:
            self.go(page, site)
        finally:
            page.remove_listener("response", note)
        assert came in self.statuses, f"{self.name} came with {came}:\n{page.content()}"
        assert page.locator("h1").count() == 1, f"{self.name} did not come:\n{page.content()}"
        if self.endpoint != "error":
            endpoint, _ = site.app.url_map.bind("").match(urlsplit(page.url).path)
            assert endpoint == self.endpoint, f"{self.name} became {page.url}"

    def go(self, page: Page, site: Site) -> None:
        if self.unconfirmed:
            site.let_confirmations_lapse()
        here = nullcontext(site.live(self.path))
        filling = site.backfill_under_way() if self.filling else nullcontext()
        with filling, site.without_administrator() if self.first else here as path:
            page.goto(site.url + path)
            if self.then:
                self.then(page)


# Every page that a browser can be shown. A route without a line here fails a test.
SCREENS = [
    Screen("home", "site.home", "/"),
    Screen("register", "auth.register", "/register"),
    Screen(
        "register-refused", "auth.register", "/register", then=send(name="a@b", password="short")
    ),
    Screen("login", "auth.login", "/login"),
    Screen("login-refused", "auth.login", "/login", then=send(identifier="Eve", password="wrong")),
    Screen("login-stale", "auth.login", "/login", then=with_a_stale_token, statuses=(400,)),
    Screen("login-asked-for", "auth.login", "/account/password"),
    Screen("setup", "auth.setup", "/setup/", first=True),
    Screen(
        "setup-refused",
        "auth.setup",
        "/setup/",
        first=True,
        then=send(name="Ada", email="root@localhost", password="short"),
    ),
    Screen("setup-void", "auth.setup", "/setup/nonsense", statuses=(410,)),
    Screen("forgotten", "auth.forgotten", "/password/forgotten"),
    Screen(
        "forgotten-sent",
        "auth.forgotten",
        "/password/forgotten",
        then=send(email="ada.lovelace@example.com"),
    ),
    Screen("reset", "auth.reset", "/password/reset/"),
    Screen("reset-refused", "auth.reset", "/password/reset/", then=send(password="short")),
    Screen("reset-expired", "auth.reset", "/password/reset/nonsense", statuses=(410,)),
    Screen("verify", "auth.verify", "/verify/"),
    Screen("verify-expired", "auth.verify", "/verify/nonsense", ADA, statuses=(410,)),
    Screen("verify-code", "auth.verify_code", "/verify", BLAISE),
    Screen(
        "verify-code-refused", "auth.verify_code", "/verify", BLAISE, then=send(code="BCDF-GHJK")
    ),
    Screen("logout", "auth.logout", "/logout", ADA),
    Screen("logged-out", "auth.logout", "/logout"),
    Screen("account", "account.overview", "/account", ADA),
    Screen("account-unconfirmed", "account.overview", "/account", BLAISE),
    Screen("account-without-address", "account.overview", "/account", GRACE),
    Screen("account-longest", "account.overview", "/account", LONGEST),
    Screen("email", "account.email", "/account/email", ADA),
    Screen("email-unconfirmed", "account.email", "/account/email", BLAISE),
    Screen("email-missing", "account.email", "/account/email", GRACE),
    Screen("email-refused", "account.email", "/account/email", GRACE, then=send(email="a@b")),
    Screen("email-longest", "account.email", "/account/email", LONGEST),
    Screen("password", "account.password", "/account/password", ADA),
    Screen(
        "password-refused",
        "account.password",
        "/account/password",
        ADA,
        then=send(current_password="wrong", password="short"),
    ),
    Screen("sessions", "account.sessions", "/account/sessions", ADA),
    Screen("confirm", "auth.confirm", "/account", GRACE, then=act, unconfirmed=True),
    Screen(
        "go-on",
        "auth.confirm",
        "/account",
        GRACE,
        then=act_and_confirm,
        unconfirmed=True,
    ),
    Screen("appearance", "account.appearance", "/account/appearance", ADA),
    Screen(
        "appearance-saved",
        "account.appearance",
        "/account/appearance",
        ADA,
        then=send(theme="system"),
    ),
    Screen("admin", "admin.dashboard", "/admin", ROOT),
    Screen("admin-users", "admin.users", "/admin/users", ROOT),
    Screen("admin-users-next", "admin.users", "/admin/users?sort=name", ROOT, then=follow("Next")),
    Screen("admin-users-nobody", "admin.users", "/admin/users?q=nobody", SAM),
    Screen("admin-new-user", "admin.new_user", "/admin/users/new", SAM),
    Screen(
        "admin-new-user-refused",
        "admin.new_user",
        "/admin/users/new",
        ROOT,
        then=send_confirmed(name="Ada", email="a@b"),
    ),
    Screen("admin-user", "admin.user", "/admin/users/5", SAM),
    Screen("admin-user-reached", "admin.user", "/admin/users/6", ROOT),
    Screen("admin-user-longest", "admin.user", "/admin/users/4", ROOT),
    Screen("admin-user-nameless", "admin.user", "/admin/users/67", ROOT),
    Screen("admin-deactivation", "admin.deactivation", "/admin/users/1/deactivation", ROOT),
    Screen(
        "admin-deactivation-refused",
        "admin.deactivation",
        "/admin/users/5/deactivation",
        ROOT,
        then=send_confirmed(reason="Leaving"),
    ),
    Screen("admin-reactivation", "admin.reactivation", "/admin/users/10/reactivation", ROOT),
    Screen("admin-session-end", "admin.session_end", "/admin/users/6/session-end", ROOT),
    Screen("admin-address", "admin.address", "/admin/users/2/address", ROOT),
    Screen(
        "admin-address-refused",
        "admin.address",
        "/admin/users/2/address",
        ROOT,
        then=send_confirmed(email="sam@example.com", reason="Asked for it"),
    ),
    Screen("admin-reset-link", "admin.reset_link", "/admin/users/1/reset-link", ROOT),
    Screen("admin-user-roles", "admin.user_roles", "/admin/users/6/roles", ROOT),
    Screen("admin-audit", "admin.audit", "/admin/audit", SAM),
    Screen("admin-audit-refused", "admin.audit", "/admin/audit?who=nobody&ip=x", ROOT),
    Screen("admin-mail", "admin.mail", "/admin/mail", ROOT),
    Screen("admin-mail-none", "admin.mail", "/admin/mail?to=nobody", ROOT),
    Screen("admin-system", "admin.system", "/admin/system", ROOT),
    # Standing still, or it would be loaded anew while it is measured.
    Screen("admin-system-filling", "admin.system", "/admin/system?refresh=no", ROOT, filling=True),
    Screen("admin-roles", "admin.roles", "/admin/roles", ROOT),
    Screen("admin-new-role", "admin.new_role", "/admin/roles/new", ROOT),
    Screen("admin-role", "admin.role", "/admin/roles/2", ROOT),
    Screen("admin-role-deletion", "admin.role_deletion", "/admin/roles/3/deletion", ROOT),
    Screen("admin-role-deletion-held", "admin.role_deletion", "/admin/roles/2/deletion", ROOT),
    Screen("components", "dev.components", "/dev/components"),
    Screen("dev-mail", "dev.mails", "/dev/mail"),
    Screen("not-found", "error", "/nowhere", statuses=(404,)),
    Screen("not-found-person", "error", "/nowhere", ADA, statuses=(404,)),
    Screen("wrong-method", "error", "/", then=by_the_wrong_method, statuses=(405,)),
    *(
        Screen(f"error-{code}", "error", f"/broken/{code}", statuses=(code,))
        for code in (403, 413, 422, 429, 500, 503)
    ),
    *(
        Screen(f"error-{code}-person", "error", f"/broken/{code}", ADA, statuses=(code,))
        for code in (403, 429, 500)
    ),
]

# Routes that answer without a page.
NO_PAGE = {
    "static": "files",
    "site.up": "a word for machines",
    "site.ready": "a word for machines",
    "site.robots": "a file for machines",
    "site.security": "a file for machines",
    "site.change_password": "a redirect",
    "dev.mail_html": "a mail, as a mail program shows it",
    "account.end_session": "an act, then the list",
    "account.send_again": "an act, then the address",
    "account.cancel_claim": "an act, then the address",
    "admin.end_user_session": "an act, then the person",
    "admin.retry_mail": "an act, then the list",
    "account.end_other_sessions": "an act, then the list",
}
