"""The operator's door: the same verbs as the pages, on the command line."""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError

from app import audit, db
from app.accounts import directory, registration
from app.accounts.errors import Refusal
from app.accounts.models import User
from app.audit import Actor
from app.db import Busy
from app.schema import readiness


class Commands(AppGroup):
    """Commands that say what to do when the database is not there, or not upgraded."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError, Busy) as error:
            with ctx.obj.load_app().app_context():
                reason = readiness.not_ready() or f"the database refused ({type(error).__name__})"
            raise click.ClickException(f"Not possible now: {reason}.") from error


users = Commands("user", help="Create, list and show people.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")


def init_app(app: Flask) -> None:
    app.cli.add_command(users)
    app.shell_context_processor(lambda: {"db": db.db, "User": User})


@users.command()
@click.argument("name")
@click.option("--email", help="An address that you know to be theirs; it counts as confirmed.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
def create(name: str, email: str | None, password_stdin: bool, as_json: bool) -> None:
    """Create an account. Example: flask user create ada --email ada@example.com"""
    password = read_password(password_stdin)
    try:
        user = registration.create(name, email, password, by=Actor.operator())
    except Refusal as refusal:
        raise click.ClickException(str(refusal.message)) from refusal
    show_rows([user], as_json)


@users.command("list")
@click.option(
    "--after",
    default=0,
    help="Go on after this id.",
    type=click.IntRange(0, directory.LARGEST_ID),
)
@click.option("--limit", default=50, help="How many at the most.", type=click.IntRange(1, 1000))
@as_json
def list_(after: int, limit: int, as_json: bool) -> None:
    """List people by id, a page at a time."""
    people = directory.page(after=after, limit=limit)
    show_rows(people, as_json)
    if len(people) == limit and not as_json:
        click.echo(f"Go on with: flask user list --after {people[-1].id}", err=True)


@users.command()
@click.argument("who")
@as_json
def show(who: str, as_json: bool) -> None:
    """Show one person, by id, name or confirmed address, and what happened to the account."""
    user = directory.find(who)
    if user is None:
        raise click.ClickException(f"Nobody has the id, name or confirmed address {who!r}.")
    events = [
        {"at": plain(row.at), "event": row.event, "by": printable(row.actor_name or row.actor_kind)}
        for row in audit.history(user)
    ]
    if as_json:
        click.echo(json.dumps(facts(user) | {"history": events}, ensure_ascii=False))
        return
    show_rows([user], as_json=False)
    for event in events:
        click.echo(f"  {event['at']}  {event['event']} by {event['by']}")


def read_password(from_stdin: bool) -> str:
    """Return a password from a prompt or from standard input, never from the command line."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask on: use --password-stdin.")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


def facts(person: Any) -> dict[str, Any]:
    return {column.key: plain(getattr(person, column.key)) for column in directory.SHOWN}


def plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def show_rows(people: Iterable[Any], as_json: bool) -> None:
    """Print people, one a line: JSON Lines for a program, columns for a person."""
    for person in people:
        row = facts(person)
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            address = row["email"] or (
                f"{row['pending_email']} (not confirmed)" if row["pending_email"] else "no address"
            )
            click.echo(f"{row['id']:>8}  {printable(row['name'] or '(no name)'):<32}  {address}")


def printable(name: str) -> str:
    """The tutorial took any character in a name, and a terminal obeys some of them."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
