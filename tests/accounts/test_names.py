"""How names and addresses are written, and how they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts import names
from app.accounts.errors import AddressRefused, NameRefused


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("alice", "alice"),
        ("  alice\t", "alice"),
        ("cafe\u0301", "caf\u00e9"),
        ("李 小龙", "李 小龙"),
        ("ann  lee", "ann lee"),
        ("ann \u2003 lee", "ann lee"),
        ("ann \u2764\ufe0f", "ann \u2764"),  # as a phone sends it
    ],
)
def test_a_name_is_kept_as_typed_but_tidied(typed: str, stored: str) -> None:
    assert names.clean_name(typed) == stored


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a" * 33, "a\nb", "a\u200bb", "a@b", "a﹫b", "\ud800"),
        *("a\u034fb", "\u3164", "a\u115f", "a\u180b", "a\ufe00", "a\U000e0100", "\u2800", "\uffa0"),
    ],
)
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(NameRefused):
        names.clean_name(name)


@pytest.mark.parametrize(
    ("one", "other"), [("ALICE", "alice"), ("Straße", "STRASSE"), ("ﬁsh", "Fish"), ("Ａ１", "a1")]
)
def test_names_that_look_alike_share_a_key(one: str, other: str) -> None:
    assert names.name_key(one) == names.name_key(other)


@given(st.text(max_size=40))
def test_whatever_is_accepted_fits_its_columns(text: str) -> None:
    try:
        name = names.clean_name(text)
    except NameRefused:
        return
    key = names.name_key(name)
    assert 1 <= len(name) <= 32 and 1 <= len(key) <= 576
    assert names.name_key(key) == key
    assert "@" not in key


@given(st.text(max_size=300))
def test_whatever_is_no_address_is_refused_in_words(text: str) -> None:
    try:
        address = names.clean_address(text)
    except AddressRefused:
        return
    assert len(names.address_key(address)) <= 254


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Alice@Example.COM", "alice@example.com", True),
        ("mıke@example.com", "mike@example.com", False),  # the dotless i of 2016
        ("alice@exämple.com", "alice@EXÄMPLE.com", True),
    ],
)
def test_two_spellings_are_one_address_only_where_a_mailbox_is(
    one: str, other: str, same: bool
) -> None:
    keys = {names.address_key(names.clean_address(text)) for text in (one, other)}
    assert (len(keys) == 1) is same


def test_a_slip_in_a_well_known_domain_is_noticed() -> None:
    assert names.likelier_address("bob@gmial.com") == "bob@gmail.com"
    assert names.likelier_address("bob@example.com") is None
