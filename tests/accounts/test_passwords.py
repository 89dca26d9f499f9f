"""What a password must be; the rules of SP 800-63B-4 and ASVS 6.2."""

import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.accounts import hashing, passwords
from app.accounts.errors import PasswordRefused

LEAKED = [
    "123456789987654321",
    "1qaz2wsx3edc4rfv",
    "q1w2e3r4t5y6u7i8",
    "1234567890987654321",
    "111222333444555",
    "zxcvbnm123456789",
    "qwertyuiop12345",
    "passwordpassword",
    "iloveyouiloveyou",
    "password1234567890",
    "aaaaaaaaaaaaaaaaaaaa",
    "abcdefghijklmnopqrst",
    "letmeinletmeinletmein",
    "Passw0rd!Passw0rd!",
]


def check(password: str, name: str = "alice", email: str = "alice@wonder.example") -> None:
    passwords.check(password, name=name, email=email)


@pytest.mark.parametrize("password", LEAKED)
def test_leaked_and_common_passwords_are_refused(domain: Flask, password: str) -> None:
    with pytest.raises(PasswordRefused, match="common or easy to guess"):
        check(password)


def test_every_leaked_password_that_is_long_enough_is_refused(domain: Flask) -> None:
    leaked = FREQUENCY_LISTS["passwords"]
    long = [password for password in leaked if len(password) >= 15]
    assert len(leaked) >= 3000 and len(long) > 20

    for password in [*long, *(password * 2 for password in leaked[:50] if len(password) >= 8)]:
        with pytest.raises(PasswordRefused, match="common or easy to guess"):
            check(password)


def test_the_commonest_are_refused_where_eight_characters_will_do(domain: Flask) -> None:
    domain.config["PASSWORD_MIN_LENGTH"] = 8
    common = [password for password in FREQUENCY_LISTS["passwords"] if len(password) >= 8][:3000]

    for password in common[::4]:  # an estimate takes a millisecond or two
        with pytest.raises(PasswordRefused):
            check(password)


@pytest.mark.parametrize(
    "password",
    [
        "alicealicealice",
        "ALICE alice ALICE",
        "alice@wonder.example",
        "wonderwonder123",
        "gatehouse  123",
    ],
)
def test_a_password_made_of_what_everybody_knows_is_refused(domain: Flask, password: str) -> None:
    with pytest.raises(PasswordRefused):
        check(password.ljust(15, "1"))


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "alice likes purple dishwashers",
        "ohne jede Vorschrift",
        "       spaces       are fine too",
        "🦊🐢🦉🦔🐝🐌🐞🦋🐙🦀🐡🐠🐬🦭🐋",
        "x7#Qm!pL2&vN9*Rt" * 16,
    ],
)
def test_a_long_password_of_any_kind_is_accepted(domain: Flask, password: str) -> None:
    check(password)


def test_length_counts_code_points(domain: Flask) -> None:
    with pytest.raises(PasswordRefused, match="15 characters or more"):
        passwords.check_length("ä" * 14)
    passwords.check_length("ä" * 15)
    passwords.check_length("ä" * 256)
    with pytest.raises(PasswordRefused, match="256 characters or fewer"):
        passwords.check_length("ä" * 257)


def test_a_megabyte_is_refused_without_being_hashed() -> None:
    stored = hashing.make("x" * 4096)

    assert hashing.matches(stored, "x" * 4096)
    assert not hashing.matches(stored, "x" * 1_000_000)


@pytest.mark.usefixtures("full_hashes")
def test_hashes_are_as_the_cheat_sheet_asks() -> None:
    stored = hashing.make("correct horse battery staple")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != hashing.make("correct horse battery staple")
    assert not hashing.is_outdated(stored)
    assert hashing.is_outdated(stored.replace("m=19456", "m=8192"))


def test_an_unusable_hash_matches_nothing() -> None:
    for stored in (None, "!", ""):
        for typed in ("", "!", "None", "\0"):
            assert not hashing.matches(stored, typed)


@pytest.mark.parametrize("password", ["4@8({[<369!1|7$50+%2" * 5, "@({[<!|$+%" * 20, "a" * 256])
def test_the_strength_of_a_hostile_password_is_not_dear_to_know(password: str) -> None:
    # Unbounded, the first takes zxcvbn ten seconds: a factor for each symbol like a letter.
    seen = passwords.bounded(password)

    assert len(seen) == min(len(password), 64)
    assert len(set(seen) & set(passwords.LETTER_LIKE)) <= 2
    assert [seen.index(c) for c in seen] == [password.index(c) for c in password[:64]]


@pytest.mark.parametrize(
    "stored", ["$2b$12$abcdefghijklmnopqrstuv", "sha256$x$y", "md5", "{SSHA}x"]
)
def test_a_hash_of_a_format_nobody_knows_matches_nothing(stored: str) -> None:
    for typed in ("", "x", stored):
        assert not hashing.matches(stored, typed)


@pytest.mark.parametrize(
    "stored", ["scrypt:a:b:c$x$y", "pbkdf2:sha999:1$x$y", "scrypt:$$", "pbkdf2:"]
)
def test_a_hash_that_is_broken_matches_nothing(stored: str) -> None:
    assert not hashing.matches(stored, "x")
