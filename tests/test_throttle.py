"""Limits count in rows, so every worker on every machine shares them."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from flask import Flask

from app import throttle
from app.throttle import Exceeded, Limit
from config import ROOT

LIMIT = Limit("test", tries=5, window=dt.timedelta(minutes=1))
OTHER = Limit("other", tries=1, window=dt.timedelta(minutes=1))
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def spend_or_not(app: Flask) -> bool:
    with app.app_context():
        try:
            throttle.spend((LIMIT, "alice"))
        except Exceeded:
            return False
        return True


def test_attempts_side_by_side_cannot_pass_together(each_app: Flask) -> None:
    with ThreadPoolExecutor(10) as threads:
        passed = list(threads.map(lambda _: spend_or_not(each_app), range(20)))

    assert sum(passed) == LIMIT.tries


def test_a_window_ends_and_another_begins(each_domain: Flask) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(5):
            throttle.spend((LIMIT, "alice"))
        with pytest.raises(Exceeded) as refused:
            throttle.spend((LIMIT, "alice"))
        assert refused.value.until == NOW + LIMIT.window

        clock.shift(LIMIT.window)
        throttle.spend((LIMIT, "alice"))


def test_what_is_given_back_is_what_was_spent_and_no_more(each_domain: Flask) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        receipts = throttle.spend((LIMIT, "alice"))
        for _ in range(4):
            throttle.spend((LIMIT, "alice"))
        throttle.give_back(receipts)
        throttle.spend((LIMIT, "alice"))
        with pytest.raises(Exceeded):
            throttle.spend((LIMIT, "alice"))

        clock.shift(LIMIT.window)
        throttle.spend((LIMIT, "alice"))
        throttle.give_back(receipts)  # of a window that is over
        for _ in range(4):
            throttle.spend((LIMIT, "alice"))
        with pytest.raises(Exceeded):
            throttle.spend((LIMIT, "alice"))


def test_one_limit_that_is_used_up_spends_none_of_the_others(each_domain: Flask) -> None:
    throttle.spend((OTHER, "alice"))
    for _ in range(10):
        with pytest.raises(Exceeded):
            throttle.spend((LIMIT, "alice"), (OTHER, "alice"))

    for _ in range(LIMIT.tries):
        throttle.spend((LIMIT, "alice"))


def test_subjects_do_not_share_and_are_not_named(each_domain: Flask) -> None:
    receipts = throttle.spend((OTHER, "alice")) + throttle.spend((OTHER, "bob"))

    assert len({receipt.key for receipt in receipts}) == 2
    assert not any("alice" in receipt.key for receipt in receipts)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "", True),
        ("unix:", "unix:", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (throttle.network(one) == throttle.network(other)) is same


def test_the_page_for_operators_says_how_guessing_is_limited() -> None:
    page = " ".join((ROOT / "docs" / "deploying.md").read_text().split())

    account, place, site = (
        (limit.tries, limit.window // dt.timedelta(minutes=1))
        for limit in (throttle.LOGIN_PER_ACCOUNT, throttle.LOGIN_PER_IP, throttle.LOGIN_SITE)
    )
    assert account[1] == place[1]
    assert f"{account[0]} failed log-ins within {account[1]} minutes close a name" in page
    assert f"{place[0]} close the place they come from" in page
    assert f"{site[0]:,} anywhere within {site[1]} minutes close the door for all" in page
