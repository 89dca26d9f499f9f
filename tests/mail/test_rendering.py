"""What people typed is data in a mail too: it adds no header, no line and no link."""

import re

import pytest
import sqlalchemy as sa
from flask import Flask

from app import mail
from app.accounts import mails as letters
from app.accounts.models import User
from app.db import atomic, db
from app.mail import Mail, Unreadable
from tests.outbox import Outbox, html_of, text_of

NAMES = [
    "http://evil.example",
    "www.evil.example",
    "evil.example/x",
    "evil。example",
    "Alice\r\nBcc: eve@example.com",
    "Alice\n\nSend your password to eve",
    "Alice\u2028\u2028second line",
    "Alice\x00\x1b[2J",
    "<script>alert(1)</script>",
    '"><a href="http://evil.example">',
    "{{ 7 * 7 }}%(site)s%s",
]
A_LINK = re.compile(r"(?:https?://|www\.)\w\S*|\b[a-z]+\.[a-z]{2,}\b")


@atomic
def tell(user: User) -> None:
    letters.account_created(user)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_ever_a_name(domain: Flask, outbox: Outbox, alice: User, name: str) -> None:
    tell(alice)
    plain = outbox.to(alice)
    alice.name = name
    tell(alice)
    message = outbox.to(alice)

    assert message.keys() == plain.keys()
    assert len(text_of(message).splitlines()) == len(text_of(plain).splitlines())
    assert A_LINK.findall(text_of(message)) == A_LINK.findall(text_of(plain))
    assert html_of(message).count("<") == html_of(plain).count("<")
    assert "49" not in text_of(message)


def test_an_address_and_a_link_of_ours_stay_as_they_are(domain: Flask) -> None:
    address, link = "alice.b@example.com", mail.link("site.home") + "verify/x"
    db.session.rollback()

    assert [mail.inert(value) for value in (address, link, 7)] == [address, link, 7]
    assert mail.inert(f"{link} http://evil.example") != f"{link} http://evil.example"


@pytest.mark.parametrize("mark", "?%&=#/:")
def test_a_link_with_an_at_sign_in_it_is_no_address(domain: Flask, mark: str) -> None:
    for words in (f"www.evil.example{mark}a@b", f"a@www.evil.example{mark}b"):
        assert mail.inert(words) != words
        assert not A_LINK.findall(mail.inert(words))
    db.session.rollback()


def test_a_row_that_somebody_touched_is_not_rendered(
    domain: Flask, outbox: Outbox, alice: User
) -> None:
    tell(alice)
    row = db.session.scalars(sa.select(Mail)).one()
    row.sealed = row.sealed[:-9] + "AAAAAAAA="

    with pytest.raises(Unreadable):
        mail.rendered(row)
    db.session.rollback()
