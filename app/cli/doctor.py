"""flask doctor: what keeps this site from serving well, and what to do about each."""

import json
import math
import shutil
import smtplib
import sys
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NamedTuple

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from app import clock, mail, proxies
from app.cli.common import as_json, printable
from app.db import Busy, db, server
from app.jobs import figures, pulse
from app.mail import smtp
from app.revisions import readiness

APART = timedelta(seconds=5)  # how far two clocks may be before a code or a lease suffers
LATE = timedelta(minutes=10)
SOON = timedelta(days=30)
PATIENCE = 10  # seconds
ROOM = 100 * 2**20  # bytes: below it, a backup or an upgrade may be the one that fills the disk


class Finding(NamedTuple):
    """What was seen, and what to do about it: nothing, where all is well."""

    words: str
    todo: str = ""


CHECKS: dict[str, Callable[[], Finding]] = {}


def check(what: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Register what looks at one thing, in the order in which it is told."""

    def register(look: Callable[[], Finding]) -> Callable[[], Finding]:
        CHECKS[what] = look
        return look

    return register


@click.command(help="Look whether what the site needs is there; exit code 1 if something is not.")
@as_json
@with_appcontext
def doctor(as_json: bool) -> None:
    findings = {what: looked(look) for what, look in CHECKS.items()}
    for what, finding in findings.items():
        click.echo(as_line(what, finding) if as_json else in_words(what, finding))
    if any(finding.todo for finding in findings.values()):
        sys.exit(1)


def looked(look: Callable[[], Finding]) -> Finding:
    """Return a finding in any case: without its database, half of the site can be looked at."""
    try:
        return look()
    except (SQLAlchemyError, Busy) as error:
        words = f"the database does not tell ({type(error).__name__})"
        return Finding(words, "Mend the database first.")


def in_words(what: str, finding: Finding) -> str:
    mark = "TROUBLE" if finding.todo else "ok     "
    todo = f"\n           → {finding.todo}" if finding.todo else ""
    return f"  {mark}  {what}: {printable(finding.words)}{todo}"


def as_line(what: str, finding: Finding) -> str:
    row = {"what": what, "ok": not finding.todo, **finding._asdict()}
    return json.dumps(row, ensure_ascii=False)


def unconfigured(words: str) -> str:
    """Return the line for a site that was refused its configuration: nothing else can be seen."""
    todo = "Set it for this command and for the site; the README has the list of settings."
    return as_line("configuration", Finding(words, todo))


@check("configuration")
def configuration() -> Finding:
    # A configuration that cannot serve was refused before this ran.
    name = current_app.config["GATEHOUSE_ENV"]
    expires = current_app.config["SECURITY_EXPIRES"]
    if expires and expires < clock.now() + SOON:
        words = f"{name}; security.txt ends on {expires:%Y-%m-%d}"
        return Finding(words, "Set SECURITY_EXPIRES to a later day.")
    return Finding(name)


@check("key")
def key() -> Finding:
    key, before = current_app.config["SECRET_KEY"], current_app.config["SECRET_KEY_FALLBACKS"] or []
    if key in before or len(set(key)) < 8:
        words = "it is its own fallback" if key in before else "it has few different characters"
        return Finding(words, "Make one with: flask key new")
    return Finding(f"SECRET_KEY, and {len(before)} before it")


@check("database")
def database() -> Finding:
    dialect = db.engine.dialect.name
    try:
        with db.engine.connect() as connection:
            missing = readiness.missing_expands(connection)
            if not missing:
                # A copy that is only read from, or a file of somebody else's, is found by this.
                connection.execute(sa.text("DELETE FROM alembic_version WHERE 1 = 0"))
    except SQLAlchemyError as error:
        todo = (
            "See that it runs, that DATABASE_URL leads to it, and that this user may write there."
        )
        words = smtp.one_line(str(getattr(error, "orig", error)))
        return Finding(f"{dialect} refuses: {words}", todo)
    if missing:
        return Finding(f"{dialect}: it lacks {', '.join(missing)}", "Run: flask db upgrade")
    if room() < ROOM:
        return Finding(
            f"{dialect}: {room() / 2**20:.0f} MB are left on its disk", "Make room there."
        )
    return Finding(f"{dialect}, every expand of this release is applied")


def room() -> float:
    """Return how many bytes are left beside a database that is a file; no server tells."""
    if db.engine.dialect.name != "sqlite" or not db.engine.url.database:
        return math.inf
    return shutil.disk_usage(Path(db.engine.url.database).parent).free


@check("clock")
def time() -> Finding:
    before = clock.now()
    there = server.now()
    apart = max(there - clock.now(), before - there, timedelta())
    if apart > APART:
        words = f"the database's clock is {apart.total_seconds():.0f} seconds away from this one"
        return Finding(words, "Let both machines take the time from the network (NTP).")
    return Finding("this machine and the database agree")


@check("mail")
def mailing() -> Finding:
    where = f"{current_app.config['MAIL_SERVER']}:{current_app.config['MAIL_PORT']}"
    if mail.is_off() or mail.is_kept():
        return Finding("none is sent" if mail.is_off() else "read at /dev/mail")
    try:
        try_mailing()
    except OSError as error:  # of smtplib's too
        todo = (
            "Look at MAIL_SERVER, MAIL_PORT, MAIL_USE_TLS, MAIL_USE_SSL, MAIL_USERNAME, "
            "MAIL_PASSWORD and MAIL_DEFAULT_SENDER."
        )
        return Finding(f"{where} cannot be used: {smtp.one_line(str(error))}", todo)
    return Finding(f"{where} takes our mail")


def try_mailing() -> None:
    """Go as far as a mail goes before it names whom it is for; there many servers say no first."""
    sender = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])[1]
    with smtp.connect() as line:  # which says goodbye
        code, words = line.mail(sender)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, words, sender)


@check("worker")
def worker() -> Finding:
    if not pulse.is_felt():
        return Finding("none was seen in the last five minutes", "Run: flask worker")
    queue = figures.figures()
    if queue.late > LATE:
        words = f"{queue.waiting} jobs are due, the oldest for {queue.late}"
        return Finding(words, "Run more workers: flask worker")
    return Finding(f"alive; {queue.waiting} jobs are due, {queue.failed} were given up")


@check("public address")
def public_address() -> Finding:
    address = current_app.config["PUBLIC_URL"]
    if current_app.config["GATEHOUSE_ENV"] == "development":
        return Finding(f"{address}, on this machine only")
    try:
        said = asked({})
    except (OSError, ValueError) as error:
        words = f"{address}/up cannot be read from here: {smtp.one_line(str(error))}"
        todo = "Look at PUBLIC_URL, its name and certificate, the proxy, and whether the site runs."
        return Finding(words, todo)
    if said != "up\n":
        todo = "Let PUBLIC_URL be the address of this site, and the proxy lead to it."
        return Finding(f"{address}/up is answered by something else", todo)
    return Finding(f"{address} leads here")


@check("proxies")
def proxies_declared() -> Finding:
    declared = current_app.config["PROXIES"]
    if current_app.config["GATEHOUSE_ENV"] == "development":
        return Finding(f"{declared}, not asked in development")
    try:
        seen = json.loads(asked(proxies.question()))
    except OSError:
        return Finding("they cannot be counted", "Mend the public address first.")
    except ValueError:  # it says no more than "up"
        todo = "Give this command and the site at PUBLIC_URL the same SECRET_KEY."
        return Finding("the site does not know this command's key, and tells it nothing", todo)
    return judged(seen, declared)


def judged(seen: dict[str, Any], declared: int) -> Finding:
    if seen["let_through"] and declared:
        todo = "Let the proxy drop headers with an underscore in their names, as nginx does."
        return Finding("whoever asks may forge their address, by X_Forwarded_For", todo)
    if seen["proxies"] != declared:
        words = f"{seen['proxies']} stand in front, PROXIES says {declared}"
        return Finding(words, f"Set PROXIES={seen['proxies']}, and start the site again.")
    if seen["address"] in {proxies.FORGED, ""}:
        todo = "Let the proxy set X-Forwarded-For itself, as deploy/nginx.conf does."
        return Finding("whoever asks may forge their address", todo)
    if seen["scheme"] != "https":
        todo = "Let the proxy set X-Forwarded-Proto itself, as deploy/nginx.conf does."
        return Finding("the site is not told that people come by https", todo)
    return Finding(f"{declared}, as declared; this machine comes from {seen['address']}")


def asked(headers: dict[str, str]) -> str:
    """Return what /up says to whoever comes from outside, certificate looked at."""
    address = f"{current_app.config['PUBLIC_URL']}/up"
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 https, by config.py
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return answer.read(1000).decode()
