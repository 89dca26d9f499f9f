"""flask user …: people, by the same verbs as the pages."""

from collections.abc import Iterable
from typing import Any

import click

from app import audit, mail
from app.accounts import directory, lifecycle, recovery, registration, roles
from app.audit import Actor
from app.cli.common import (
    Commands,
    as_json,
    as_line,
    called,
    go_on,
    password_stdin,
    person,
    plain,
    printable,
    read_password,
    reason,
    tell,
)

OPERATOR = Actor.operator()

users = Commands("user", help="Create, list and show people, and help or stop them.")


@users.command()
@click.argument("name")
@click.option("--email", help="An address that you know to be theirs; it counts as confirmed.")
@click.option("--admin", is_flag=True, help="Make them an administrator.")
@password_stdin
@as_json
def create(name: str, email: str | None, admin: bool, password_stdin: bool, as_json: bool) -> None:
    """Create an account. Example: flask user create ada --email ada@example.com --admin

    Whoever has an address is mailed how to choose a password; for anybody else, and on a site
    without mail, it is asked for here.
    """
    is_theirs = bool(email) and not mail.is_off() and not password_stdin
    password = None if is_theirs else read_password(password_stdin)
    user = registration.create(name, email, password, is_administrator=admin, by=OPERATOR)
    show_rows([user], as_json)
    if is_theirs and not as_json:
        click.echo("          We mailed them how to choose a password.")


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
        go_on("user list", limit=limit, after=people[-1].id)


@users.command()
@click.argument("who")
@as_json
def show(who: str, as_json: bool) -> None:
    """Show one person, by id, name or confirmed address, and what happened to the account."""
    user = person(who)
    events = [
        {"at": plain(row.at), "event": row.event, "by": printable(row.actor_name or row.actor_kind)}
        for row in audit.history(user)
    ]
    held = roles.roles_of(user)
    more = {"roles": held, "deactivated_at": user.deactivated_at, "history": events}
    if as_json:
        click.echo(as_line(facts(user) | more))
        return
    show_rows([user], as_json=False)
    if held:
        click.echo(f"  Roles: {printable(', '.join(held))}")
    if user.deactivated_at:
        click.echo(f"  Deactivated since {plain(user.deactivated_at)}")
    for event in events:
        click.echo(f"  {event['at']}  {event['event']} by {event['by']}")


@users.command("set-password")
@click.argument("who")
@password_stdin
@as_json
def set_password(who: str, password_stdin: bool, as_json: bool) -> None:
    """Give somebody another password, and log them out everywhere.

    Example: flask user set-password ada
    """
    user = person(who)
    recovery.set_password(user, read_password(password_stdin), by=OPERATOR)
    words = f"{called(user)} has another password, and is logged out everywhere."
    tell(words, as_json, id=user.id)


@users.command("reset-link")
@click.argument("who")
@reason
@as_json
def reset_link(who: str, reason: str, as_json: bool) -> None:
    """Print a link to choose a password: it works once, for 30 minutes.

    Example: flask user reset-link ada --reason "Called us, lost the mailbox"
    """
    secret = lifecycle.print_reset_link(person(who), by=OPERATOR, reason=reason)
    link = mail.link("auth.reset", token=secret)
    click.echo(as_line({"link": link}) if as_json else link)


@users.command()
@click.argument("who")
@reason
@as_json
def confirm(who: str, reason: str, as_json: bool) -> None:
    """Let a claimed address count as confirmed.

    Example: flask user confirm ada --reason "Showed us the mail"
    """
    user = person(who)
    lifecycle.confirm_address(user, user.pending_email, by=OPERATOR, reason=reason)
    words = f"{called(user)} has the address {printable(user.email or '')}."
    tell(words, as_json, id=user.id, email=user.email)


@users.command()
@click.argument("who")
@reason
@as_json
def deactivate(who: str, reason: str, as_json: bool) -> None:
    """Lock somebody out everywhere, at once.

    Example: flask user deactivate ada --reason "Left the company"
    """
    user = person(who)
    ended = lifecycle.deactivate(user, by=OPERATOR, reason=reason)
    words = f"{called(user)} is deactivated. Sessions ended: {ended}."
    tell(words, as_json, id=user.id, sessions_ended=ended)


@users.command()
@click.argument("who")
@reason
@as_json
def reactivate(who: str, reason: str, as_json: bool) -> None:
    """Let somebody in again who was deactivated.

    Example: flask user reactivate ada --reason "Is back"
    """
    user = person(who)
    lifecycle.reactivate(user, by=OPERATOR, reason=reason)
    tell(f"{called(user)} can log in again.", as_json, id=user.id)


def facts(person: Any) -> dict[str, Any]:
    return {column.key: getattr(person, column.key) for column in directory.SHOWN}


def show_rows(people: Iterable[Any], as_json: bool) -> None:
    """Print people, one a line: JSON Lines for a program, columns for a person."""
    for row in map(facts, people):
        if as_json:
            click.echo(as_line(row))
        else:
            address = row["email"] or (
                f"{row['pending_email']} (not confirmed)" if row["pending_email"] else "no address"
            )
            click.echo(f"{row['id']:>8}  {printable(row['name'] or '(no name)'):<32}  {address}")
