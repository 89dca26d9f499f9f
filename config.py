"""What differs between deployments. Product numbers sit beside the rule they serve, not here."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).parent
LOOPBACK = ["localhost", "127.0.0.1"]
KEY_LENGTH = 32  # characters: a signing key that can be guessed is every account at once

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mysql+pymysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}


class ConfigError(RuntimeError):
    """The configuration cannot serve; the message names each variable and what to do."""


def database_url(url: str) -> str:
    """Name the driver that this project installs, whichever of the usual spellings was given."""
    scheme, separator, rest = url.partition("://")
    url = DRIVERS.get(scheme, scheme) + separator + rest
    try:
        driver = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        driver = ""
    if driver not in {"sqlite", "postgresql", "mariadb"}:
        raise ConfigError(
            "DATABASE_URL is not a database of ours. Write it like sqlite:////path/to/file, "
            "postgresql://user:password@host/name or mariadb://user:password@host/name."
        )
    return url


def public_address(url: str) -> str:
    """Return scheme and host of `url`, or raise ConfigError unless it is just that."""
    try:
        parts = urlsplit(url)
        is_origin = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        is_origin = False
    rest = url.partition("://")[2].rstrip("/")
    if not is_origin or "@" in rest or rest != parts.netloc:
        raise ConfigError("PUBLIC_URL must be the address people type, like https://example.com.")
    return url.rstrip("/")


def load(env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the settings for GATEHOUSE_ENV, or raise ConfigError before anything is served."""
    env = os.environ if env is None else env
    name = env.get("GATEHOUSE_ENV", "development")
    if name not in ENVIRONMENTS:
        raise ConfigError(
            f"GATEHOUSE_ENV is {name!r}. Set it to one of: {', '.join(ENVIRONMENTS)}."
        )
    return {**common(env), **ENVIRONMENTS[name](env), "GATEHOUSE_ENV": name}


def common(env: Mapping[str, str]) -> dict[str, Any]:
    """What holds in every environment: what a deployment may set, then what no one needs to."""
    return {
        "SITE_NAME": env.get("SITE_NAME") or "Gatehouse",
        "PROXIES": whole_number(env, "PROXIES", 0),
        "PORT": whole_number(env, "PORT", 5000),
        "PASSWORD_MIN_LENGTH": whole_number(env, "PASSWORD_MIN_LENGTH", 15, least=8, most=64),
        "MAX_CONTENT_LENGTH": 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 1024 * 1024,
        "MAX_FORM_PARTS": 200,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=30),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,  # the cookie is written only when it changes
        "WTF_I18N_ENABLED": False,  # every message is in our own words, through our own gettext
        "WTF_CSRF_TIME_LIMIT": None,  # one value for a session, as long as the session
        "WTF_CSRF_SSL_STRICT": False,  # guards.refuse_other_sites looks at more than the Referer
    }


def development(env: Mapping[str, str]) -> dict[str, Any]:
    """A site for this machine alone: loopback only, its own key and database in instance/."""
    public_url = public_address(env.get("PUBLIC_URL") or "http://localhost:5000")
    if urlsplit(public_url).hostname not in LOOPBACK:
        raise ConfigError(
            f"PUBLIC_URL is {public_url}, but a development site answers only on this machine. "
            "Set GATEHOUSE_ENV=production, or leave PUBLIC_URL out."
        )
    instance = ROOT / "instance"
    instance.mkdir(exist_ok=True)
    database = env.get("DATABASE_URL") or f"sqlite:///{instance / 'gatehouse.db'}"
    return {
        "SECRET_KEY": env.get("SECRET_KEY") or kept_key(instance / "secret_key"),
        "SQLALCHEMY_DATABASE_URI": database_url(database),
        "PUBLIC_URL": public_url,
        "TRUSTED_HOSTS": LOOPBACK,
        "TEMPLATES_AUTO_RELOAD": True,
    }


def production(env: Mapping[str, str]) -> dict[str, Any]:
    """A site on the network: refuses to start without what it needs, naming all that is missing."""
    needed = ["SECRET_KEY", "DATABASE_URL", "PUBLIC_URL"]
    missing = [variable for variable in needed if not env.get(variable)]
    if missing:
        raise ConfigError(f"Set {', '.join(missing)} before starting in production (see README).")
    if len(env["SECRET_KEY"]) < KEY_LENGTH:
        raise ConfigError(
            f"SECRET_KEY is shorter than {KEY_LENGTH} characters. Make one with: "
            'python -c "import secrets; print(secrets.token_hex(32))"'
        )
    if env.get("FLASK_DEBUG", "0").lower() not in {"", "0", "false", "no"}:
        raise ConfigError("FLASK_DEBUG would let visitors run code here. Unset it in production.")
    public_url = public_address(env["PUBLIC_URL"])
    if not public_url.startswith("https://"):
        raise ConfigError("PUBLIC_URL must begin with https:// in production.")
    return {
        "SECRET_KEY": env["SECRET_KEY"],
        "SQLALCHEMY_DATABASE_URI": database_url(env["DATABASE_URL"]),
        "PUBLIC_URL": public_url,
        "TRUSTED_HOSTS": [urlsplit(public_url).hostname],
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
    }


ENVIRONMENTS = {"development": development, "production": production}


def kept_key(path: Path) -> str:
    """Return the key kept in `path`; the first time it is made, at random, for its owner alone."""
    if not path.exists():
        # Complete before it has its name: another process may be starting beside this one.
        new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    key = path.read_text().strip()
    if len(key) < KEY_LENGTH:
        raise ConfigError(f"{path} holds no key. Delete it, and a new one is made.")
    return key


def whole_number(
    env: Mapping[str, str], variable: str, default: int, *, least: int = 0, most: int = 65535
) -> int:
    text = env.get(variable, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise ConfigError(f"{variable} is {text!r}. Set it to a number from {least} to {most}.")
    return int(text)
