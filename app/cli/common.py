"""What every command shares: how it fails, how it asks, and how it prints."""

import json
import sys
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from app.accounts import directory
from app.accounts.errors import Refusal
from app.accounts.models import User
from app.db import Busy, db
from app.revisions import readiness, troubles
from app.throttle import Exceeded

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")
reason = click.option(
    "--reason", required=True, help="Why; it is kept, and mailed to the person if this site can."
)
password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


class Commands(AppGroup):
    """Commands that say what to do when something is refused, or the database is not there."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            raise click.ClickException(str(refusal.message)) from refusal
        except Exceeded as limit:
            words = f"Too many attempts. Try again after {limit.until:%H:%M:%S} UTC."
            raise click.ClickException(words) from limit
        except (OperationalError, ProgrammingError, Busy) as error:
            with ctx.obj.load_app().app_context():
                raise click.ClickException(trouble(error)) from error


def trouble(error: Exception) -> str:
    """Return what is the matter with the database that refused this, and what to do about it."""
    try:
        with db.engine.connect() as connection:
            lacking = readiness.lacking(connection)
    except DBAPIError as away:
        return troubles.sentence(away)
    if lacking:
        return f"Not possible now: {lacking}."
    cause = error.__cause__ if isinstance(error, Busy) else error
    return troubles.sentence(cause) if isinstance(cause, DBAPIError) else str(error)


def person(who: str) -> User:
    """Return the person with this id, name or confirmed address, or end with a sentence."""
    user = directory.find(who)
    if user is None:
        raise click.ClickException(f"Nobody has the id, name or confirmed address {who!r}.")
    return user


def read_password(from_stdin: bool) -> str:
    """Return a password from a prompt or from standard input, never from the command line."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask on: use --password-stdin.")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


def tell(words: str, as_json: bool, **facts: Any) -> None:
    """Say what was done: in words to a person, as facts to a program."""
    click.echo(as_line(facts) if as_json else words)


def show(facts: Any, lines: list[str], as_json: bool) -> None:
    """Print what was found: lines for a person, or all of it for a program."""
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, default=str, indent=2))
    else:
        click.echo("\n".join(lines))


def go_on(command: str, **options: Any) -> None:
    """Say how the next page of a list is asked for: with what this one was asked for."""
    given = [f"--{name} {value}" for name, value in options.items() if value is not None]
    click.echo(f"Go on with: flask {command} {' '.join(given)}", err=True)


def as_line(row: dict[str, Any]) -> str:
    """Return a row as one line of JSON (JSON Lines)."""
    return json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False)


def plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def called(user: User) -> str:
    """Return how somebody is spoken of, as a terminal may show it."""
    return printable(user.name or str(user.id))


def printable(name: str) -> str:
    """The tutorial took any character in a name, and a terminal obeys some of them."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
