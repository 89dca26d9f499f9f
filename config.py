"""What differs between deployments. Product numbers sit beside the rule they serve, not here."""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).parent
LOOPBACK = ["localhost", "127.0.0.1"]
HOST = re.compile(r"[\w.-]+|\[?[0-9A-Fa-f:]+\]?")  # a name, or an address of IPv4 or IPv6
SENDER = re.compile(r"[!-?A-~]+@[\w.-]+", re.ASCII)
CONTACT = re.compile(r"(?:mailto:[!-~]+@[\w.-]+|https://[!-~]+)", re.ASCII)
ON, OFF = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
KEY_LENGTH = 32  # characters: a signing key that can be guessed is every account at once

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}


class ConfigError(click.ClickException):
    """The configuration cannot serve; the message names each variable and what to do.

    A command ends with the message alone.
    """


def database_url(url: str) -> str:
    """Name the driver that this project installs, whichever of the usual spellings was given."""
    scheme, separator, rest = url.partition("://")
    kind = scheme.partition("+")[0]  # "postgresql+psycopg2" of another project, say
    url = DRIVERS.get(kind, kind) + separator + rest
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
    settings = {**common(env), **ENVIRONMENTS[name](env), "GATEHOUSE_ENV": name}
    settings |= mail(env, settings["SITE_NAME"], settings["PUBLIC_URL"])
    return settings | fallback_keys(env) | metrics(env) | security_txt(env)


def common(env: Mapping[str, str]) -> dict[str, Any]:
    """What holds in every environment: what a deployment may set, then what no one needs to."""
    return {
        # Servers on which `flask db verify` may make a database of its own.
        "VERIFY_URLS": [database_url(url) for url in env.get("VERIFY_URLS", "").split()],
        "SITE_NAME": env.get("SITE_NAME") or "Gatehouse",
        "PROXIES": whole_number(env, "PROXIES", 0),
        "PORT": whole_number(env, "PORT", 5000),
        "PASSWORD_MIN_LENGTH": whole_number(env, "PASSWORD_MIN_LENGTH", 15, least=8, most=64),
        "AUDIT_DAYS": whole_number(env, "AUDIT_DAYS", 0),  # 0 keeps every line
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


def mail(env: Mapping[str, str], site_name: str, public_url: str) -> dict[str, Any]:
    """How mail leaves: MAIL_SERVER names the host that takes it, or is "none" for a site without.

    Encrypted unless MAIL_USE_TLS=0 says otherwise, which is for a server on this machine or in a
    network that is trusted as much: the links in mails open accounts. A certificate that does not
    belong to the server is refused. Development may leave MAIL_SERVER out, and reads its mails at
    /dev/mail.
    """
    implicit = switch(env, "MAIL_USE_SSL", False)
    starttls = switch(env, "MAIL_USE_TLS", not implicit)
    if implicit and starttls:
        raise ConfigError("Set MAIL_USE_TLS (STARTTLS, port 587) or MAIL_USE_SSL (465), not both.")
    server = env.get("MAIL_SERVER", "")
    if server and not HOST.fullmatch(server):
        raise ConfigError('MAIL_SERVER is the name of a host, without a port; or "none".')
    username, password = env.get("MAIL_USERNAME", ""), env.get("MAIL_PASSWORD", "")
    if bool(username) != bool(password):
        raise ConfigError("Set MAIL_USERNAME and MAIL_PASSWORD together, or neither.")
    encrypted = implicit or starttls
    if username and not encrypted and server not in LOOPBACK:
        raise ConfigError("MAIL_PASSWORD would be sent in the clear. Leave MAIL_USE_TLS on.")
    own = formataddr((site_name, f"no-reply@{urlsplit(public_url).hostname}"))
    return {
        "MAIL_SERVER": server,
        "MAIL_PORT": whole_number(env, "MAIL_PORT", 465 if implicit else 587, least=1),
        "MAIL_USERNAME": username,
        "MAIL_PASSWORD": password,
        "MAIL_USE_SSL": implicit,
        "MAIL_USE_TLS": starttls,
        "MAIL_DEFAULT_SENDER": mail_sender(env.get("MAIL_DEFAULT_SENDER") or own),
        "MAIL_TIMEOUT": 10,  # seconds for each of the server's answers
    }


def fallback_keys(env: Mapping[str, str]) -> dict[str, Any]:
    """The keys before SECRET_KEY, newest first: what they signed or sealed is still accepted."""
    keys = [key.strip() for key in env.get("SECRET_KEY_FALLBACKS", "").split(",")]
    keys = [key for key in keys if key]
    if any(len(key) < KEY_LENGTH for key in keys):
        raise ConfigError("SECRET_KEY_FALLBACKS are whole keys, with commas between them.")
    return {"SECRET_KEY_FALLBACKS": keys}


def metrics(env: Mapping[str, str]) -> dict[str, Any]:
    """Who may read /metrics: whoever has the token; without one there is no such page."""
    token = env.get("METRICS_TOKEN", "")
    if token and len(token) < KEY_LENGTH:
        raise ConfigError(f"METRICS_TOKEN is shorter than {KEY_LENGTH} characters.")
    return {"METRICS_TOKEN": token}


def security_txt(env: Mapping[str, str]) -> dict[str, Any]:
    """What /.well-known/security.txt says: a contact, and the day until which somebody reads it."""
    contact, text = env.get("SECURITY_CONTACT", ""), env.get("SECURITY_EXPIRES", "")
    if bool(contact) != bool(text):
        raise ConfigError("Set SECURITY_CONTACT and SECURITY_EXPIRES together, or neither.")
    if contact and not CONTACT.fullmatch(contact):
        raise ConfigError("SECURITY_CONTACT begins with mailto: or https:// (RFC 9116).")
    try:
        expires = datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        raise ConfigError("SECURITY_EXPIRES is a day, like 2027-12-31.") from None
    return {"SECURITY_CONTACT": contact, "SECURITY_EXPIRES": expires}


def mail_sender(given: str) -> str:
    """Return who the mails are from, as "Name <address>", or raise ConfigError."""
    name, address = parseaddr(given)
    if not SENDER.fullmatch(address) or not given.isprintable():
        raise ConfigError("MAIL_DEFAULT_SENDER must be like: Gatehouse <no-reply@example.com>.")
    return formataddr((name, address))


def development(env: Mapping[str, str]) -> dict[str, Any]:
    """A site for this machine alone: loopback only, its own key and database in instance/."""
    here = f"http://localhost:{whole_number(env, 'PORT', 5000)}"
    public_url = public_address(env.get("PUBLIC_URL") or here)
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
    needed = ["SECRET_KEY", "DATABASE_URL", "PUBLIC_URL", "MAIL_SERVER"]
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


def switch(env: Mapping[str, str], variable: str, default: bool) -> bool:
    text = env.get(variable, "1" if default else "0").lower()
    if text not in ON | OFF:
        raise ConfigError(f"{variable} is {text!r}. Set it to 1 or 0.")
    return text in ON


def whole_number(
    env: Mapping[str, str], variable: str, default: int, *, least: int = 0, most: int = 65535
) -> int:
    text = env.get(variable, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise ConfigError(f"{variable} is {text!r}. Set it to a number from {least} to {most}.")
    return int(text)
