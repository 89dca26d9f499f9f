"""A mail goes out through a real server, and its row says what became of it."""

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app import audit, jobs, mail
from app.audit import Actor
from app.db import db
from app.mail import Mail, State
from tests import post_office
from tests.mail.conftest import ALICE, write
from tests.outbox import html_of, text_of
from tests.post_office import PostOffice

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as moved:
        yield moved


def row() -> Mail:
    """Return the newest mail, as it is now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(Mail).order_by(Mail.id.desc())).first()


def test_a_mail_arrives_and_what_it_said_is_erased(site: Flask, office: PostOffice) -> None:
    write()
    assert jobs.run_due() == 1

    [message] = office.took()
    assert message["To"] == ALICE
    assert message["From"] == "Gatehouse <no-reply@localhost>"
    assert message["Subject"] == "A test from Gatehouse"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@localhost>")
    assert parsedate_to_datetime(message["Date"]) == row().created_at.replace(microsecond=0)
    assert office.envelopes == [("no-reply@localhost", [ALICE])]
    assert (row().state, row().reason) == (State.SENT, "250 2.0.0 queued as 4711")
    assert row().sealed is None
    assert jobs.run_due() == 0


def test_text_and_html_say_the_same_and_load_nothing(site: Flask, office: PostOffice) -> None:
    write()
    jobs.run_due()

    text, html = text_of(office.took()[0]), html_of(office.took()[0])
    link = mail.link("site.home")
    assert link in text.splitlines()
    assert html.count(f'href="{link}"') == 2
    assert "prefers-color-scheme: dark" in html and 'content="light dark"' in html
    assert not {"<img", "<link", "<script", "@import", "url("} & set(html.split())
    assert "You receive this because" in text and "You receive this because" in html


def test_what_is_put_off_is_tried_again_as_the_same_mail(
    site: Flask, office: PostOffice, clock: time_machine.Traveller
) -> None:
    office.answers = ["451 4.3.0 try\tlater"]
    write()
    jobs.run_due()

    assert (row().state, row().reason) == (State.DEFERRED, "451 4.3.0 try later")
    assert row().sealed is not None
    assert jobs.run_due() == 0

    clock.shift(MINUTE)
    jobs.run_due()
    assert row().state == State.SENT
    assert [post_office.read(content)["Message-ID"] for content in office.asked] == [
        office.took()[0]["Message-ID"]
    ] * 2


def test_what_is_refused_stays_refused(
    site: Flask, office: PostOffice, clock: time_machine.Traveller
) -> None:
    office.answers = ["550 5.1.1 nobody\x1b[2J here"]
    write()
    jobs.run_due()

    assert (row().state, row().reason) == (State.REFUSED, "550 5.1.1 nobody [2J here")
    assert row().sealed is None
    clock.shift(DAY)
    assert jobs.run_due() == 0


def test_a_server_that_hangs_is_not_waited_for(site: Flask, office: PostOffice) -> None:
    site.config["MAIL_TIMEOUT"] = 0.2
    office.hangs = True
    write()
    jobs.run_due()

    assert row().state == State.DEFERRED
    assert "timed out" in row().reason


def test_a_server_that_is_down_gets_the_mail_when_it_is_up(
    site: Flask, port: int, clock: time_machine.Traveller
) -> None:
    write()
    jobs.run_due()
    assert row().state == State.DEFERRED
    assert "Connection refused" in row().reason

    clock.shift(MINUTE)
    with post_office.open_on(port) as office:
        jobs.run_due()
    assert row().state == State.SENT and len(office.took()) == 1


def test_after_a_day_a_mail_is_given_up(site: Flask, clock: time_machine.Traveller) -> None:
    write()
    for _ in range(30):
        jobs.run_due()
        clock.shift(dt.timedelta(hours=1))

    assert row().state == State.EXPIRED
    assert "Connection refused" in row().reason
    assert row().sealed is None
    assert db.session.scalar(sa.select(sa.func.count(jobs.Job.id))) == 0


def test_a_mail_does_not_outlive_its_link(
    site: Flask, port: int, clock: time_machine.Traveller
) -> None:
    write(lifetime=30 * MINUTE)
    jobs.run_due()
    clock.shift(30 * MINUTE)

    with post_office.open_on(port) as office:
        jobs.run_due()
    assert row().state == State.EXPIRED
    assert office.took() == []


def test_a_batch_shares_one_line(site: Flask, office: PostOffice) -> None:
    for _ in range(5):
        write()
    office.answers = ["451 later", "550 never"]
    jobs.run_due()

    assert len(office.took()) == 3
    assert office.lines == 1


@pytest.mark.parametrize("codes", ["421 4.7.0 too many", "250 taken"])
def test_a_line_that_ended_is_opened_again(
    site: Flask, port: int, clock: time_machine.Traveller, codes: str
) -> None:
    write()
    write()
    with post_office.open_on(port) as office:
        office.answers = [codes]
        jobs.run_due()
    clock.shift(MINUTE)
    with post_office.open_on(port) as again:
        jobs.run_due()

    assert len(office.took()) + len(again.took()) + codes.count("250") == 2


def test_a_mail_that_cannot_be_read_any_more_is_refused(
    site: Flask, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    monkeypatch.setitem(site.config, "SECRET_KEY", "another")
    jobs.run_due()

    assert row().state == State.REFUSED and "SECRET_KEY" in row().reason
    assert office.took() == []


def test_a_site_whose_mail_was_switched_off_sends_none(site: Flask, office: PostOffice) -> None:
    write()
    site.config["MAIL_SERVER"] = "none"
    jobs.run_due()
    write()

    assert row().state == State.REFUSED and row().id == 1
    assert office.took() == []


@pytest.mark.parametrize("settings", [{"MAIL_USE_TLS": True}, {"MAIL_USERNAME": "site"}])
def test_what_we_have_to_mend_is_not_blamed_on_the_recipient(
    site: Flask, office: PostOffice, settings: dict[str, object]
) -> None:
    site.config.update(settings, MAIL_PASSWORD="secret")
    write()
    jobs.run_due()

    assert row().state == State.DEFERRED
    assert office.took() == [] and "secret" not in row().reason


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_server_that_wants_a_log_in_puts_mail_off(
    make_app: Callable[..., Flask], port: int
) -> None:
    app = make_app(**post_office.settings(port))
    options = {"auth_required": True, "auth_require_tls": False}
    with post_office.open_on(port, **options), app.app_context():
        write()
        jobs.run_due()
        assert (row().state, row().reason[:3]) == (State.DEFERRED, "530")


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it made itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "server.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, *private))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def test_a_server_with_a_certificate_of_nobody_gets_nothing(
    site: Flask, port: int, certificate: ssl.SSLContext
) -> None:
    site.config["MAIL_USE_TLS"] = True
    with post_office.open_on(port, tls_context=certificate) as office:
        write()
        jobs.run_due()

    assert row().state == State.DEFERRED and "self-signed certificate" in row().reason
    assert office.took() == []


def test_letters_of_all_alphabets_are_delivered(site: Flask, port: int) -> None:
    with post_office.open_on(port, enable_SMTPUTF8=True) as office:
        write("jörg@münchen.de")
        jobs.run_due()
        write("alice@münchen.de")
        jobs.run_due()

    assert [envelope[1] for envelope in office.envelopes] == [
        ["jörg@xn--mnchen-3ya.de"],
        ["alice@xn--mnchen-3ya.de"],
    ]


def test_a_server_without_these_letters_refuses_them(site: Flask, port: int) -> None:
    with post_office.open_on(port, enable_SMTPUTF8=False) as office:
        write("jörg@münchen.de")
        jobs.run_due()

    assert row().state == State.REFUSED and "letters" in row().reason
    assert office.took() == []


@pytest.mark.parametrize(
    "address", ["alice@example.com\r\nBcc: eve@example.com", "alice", "a@b..c"]
)
def test_what_is_no_address_gets_no_mail(site: Flask, office: PostOffice, address: str) -> None:
    write(address)
    jobs.run_due()

    assert row().state == State.REFUSED
    assert office.took() == []


def test_a_mail_that_was_put_off_is_tried_again_on_demand(
    site: Flask, port: int, clock: time_machine.Traveller
) -> None:
    write()
    jobs.run_due()
    assert mail.retry(1, by=Actor.operator())
    assert not mail.retry(1, by=Actor.operator())
    assert not mail.retry(2, by=Actor.operator())

    with post_office.open_on(port) as office:
        jobs.run_due()
        clock.shift(DAY)
        jobs.run_due()

    assert len(office.took()) == 1
    events = db.session.scalars(sa.select(audit.AuditEvent)).all()
    assert [(event.event, event.details) for event in events] == [("mail.retried", '{"mail": 1}')]


def test_strangers_can_have_five_an_hour_sent_to_one_address(
    site: Flask, office: PostOffice, clock: time_machine.Traveller
) -> None:
    for _ in range(6):
        write(budgeted=True)
    jobs.run_due()

    assert len(office.took()) == 5
    assert (row().state, row().sealed) == (State.DROPPED, None)
    write()  # a notice is never dropped
    write("bob@example.com", budgeted=True)
    jobs.run_due()
    assert len(office.took()) == 7

    for _ in range(8):
        clock.shift(dt.timedelta(hours=1, minutes=1))
        for _ in range(5):
            write(budgeted=True)
    dropped = mail.search(state=State.DROPPED, recipient_key=ALICE).rows
    assert len(dropped) == 46 - 20  # of a day


def test_what_the_hour_stops_uses_up_nothing_of_the_day(
    site: Flask, office: PostOffice, clock: time_machine.Traveller
) -> None:
    for _ in range(20):
        write(budgeted=True)
    clock.shift(dt.timedelta(hours=2))
    write(budgeted=True)
    jobs.run_due()

    assert row().state == State.SENT
    assert len(office.took()) == 6


def test_staff_see_what_became_of_a_mail_and_not_what_it_said(
    site: Flask, office: PostOffice
) -> None:
    for _ in range(3):
        write()
    jobs.run_due()
    write("bob@example.com")

    page = mail.search(size=2)
    assert [row.id for row in page.rows] == [4, 3]
    assert [row.id for row in mail.search(size=2, cursor=page.next).rows] == [2, 1]
    assert [row.id for row in mail.search(state=State.QUEUED).rows] == [4]
    assert not {"sealed"} & set(page.rows[0]._fields)
