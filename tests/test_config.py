"""Configuration fails at the door, not at three in the morning."""

import stat
from pathlib import Path

import pytest

import config

GOOD = {
    "GATEHOUSE_ENV": "production",
    "SECRET_KEY": "k" * 64,
    "DATABASE_URL": "postgres://gatehouse@db/gatehouse",
    "PUBLIC_URL": "https://accounts.example.com",
    "MAIL_SERVER": "mail.example.com",
}


def test_production_has_what_it_needs() -> None:
    settings = config.load(GOOD)

    assert settings["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://gatehouse@db/gatehouse"
    assert settings["TRUSTED_HOSTS"] == ["accounts.example.com"]
    assert settings["SESSION_COOKIE_NAME"] == "__Host-session"
    assert settings["SESSION_COOKIE_SECURE"] is True


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "PUBLIC_URL", "MAIL_SERVER"])
def test_production_names_what_is_missing(missing: str) -> None:
    with pytest.raises(config.ConfigError, match=missing):
        config.load({key: value for key, value in GOOD.items() if key != missing})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", "dev"),
        ("PUBLIC_URL", "http://accounts.example.com"),
        ("PUBLIC_URL", "accounts.example.com"),
        ("PUBLIC_URL", "https://["),
        ("PUBLIC_URL", "https://accounts.example.com/path"),
        ("PUBLIC_URL", "https://somebody@accounts.example.com"),
        ("PUBLIC_URL", "https://accounts.example.com:99999"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "postgresql://host:port/name"),
        ("DATABASE_URL", "oracle://host/name"),
        ("PORT", "abc"),
        ("PASSWORD_MIN_LENGTH", "65"),
        ("PROXIES", "many"),
        ("PROXIES", "-1"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("FLASK_DEBUG", "1"),
        ("MAIL_SERVER", "mail.example.com:25"),
        ("MAIL_SERVER", "smtp://mail.example.com"),
        ("MAIL_PORT", "0"),
        ("MAIL_USE_TLS", "maybe"),
        ("MAIL_USERNAME", "alone"),
        ("MAIL_PASSWORD", "alone"),
        ("MAIL_DEFAULT_SENDER", "nobody"),
        ("MAIL_DEFAULT_SENDER", "a@example.com\r\nBcc: b@example.com"),
        ("MAIL_DEFAULT_SENDER", "Gäste <gäste@example.com>"),
        ("GATEHOUSE_ENV", "prod"),
    ],
)
def test_what_cannot_work_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=variable):
        config.load(GOOD | {variable: value})


def test_mail_leaves_encrypted_from_our_own_host() -> None:
    settings = config.load(GOOD)

    assert (settings["MAIL_PORT"], settings["MAIL_USE_TLS"]) == (587, True)
    assert settings["MAIL_DEFAULT_SENDER"] == "Gatehouse <no-reply@accounts.example.com>"
    implicit = config.load(GOOD | {"MAIL_USE_SSL": "1"})
    assert (implicit["MAIL_PORT"], implicit["MAIL_USE_TLS"]) == (465, False)


def test_tls_is_begun_in_one_way_only() -> None:
    with pytest.raises(config.ConfigError, match="not both"):
        config.load(GOOD | {"MAIL_USE_SSL": "1", "MAIL_USE_TLS": "1"})


def test_a_password_is_not_sent_in_the_clear() -> None:
    given = {"MAIL_USERNAME": "site", "MAIL_PASSWORD": "secret", "MAIL_USE_TLS": "0"}
    with pytest.raises(config.ConfigError, match="MAIL_PASSWORD"):
        config.load(GOOD | given)

    assert config.load(GOOD | given | {"MAIL_SERVER": "localhost"})["MAIL_USE_TLS"] is False


def test_a_link_leads_to_the_port_that_is_served() -> None:
    assert config.load({"PORT": "5001"})["PUBLIC_URL"] == "http://localhost:5001"


def test_a_development_site_answers_on_this_machine_only() -> None:
    with pytest.raises(config.ConfigError, match="PUBLIC_URL"):
        config.load({"PUBLIC_URL": "https://accounts.example.com"})
    assert config.load({})["TRUSTED_HOSTS"] == ["localhost", "127.0.0.1"]


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"

    key = config.kept_key(path)

    assert len(key) == 64
    assert config.kept_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.touch()

    with pytest.raises(config.ConfigError, match="secret_key"):
        config.kept_key(path)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+psycopg://h/d"),
        ("mysql://h/d", "mariadb+pymysql://h/d"),
        ("mysql+mysqldb://h/d", "mariadb+pymysql://h/d"),
        ("mariadb://h/d", "mariadb+pymysql://h/d"),
        ("sqlite:////tmp/d", "sqlite:////tmp/d"),
    ],
)
def test_the_usual_spellings_of_a_database_are_understood(given: str, used: str) -> None:
    assert config.database_url(given) == used
