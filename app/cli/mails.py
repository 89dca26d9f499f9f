"""flask mail …: what became of the mails, by their metadata; nobody reads them here."""

from typing import Any

import click
from flask import current_app

from app import mail
from app.accounts import mails as letters
from app.accounts import names
from app.audit import Actor
from app.cli.common import Commands, as_json, as_line, go_on, plain, printable, tell
from app.mail import State

STATES = sorted(value for name, value in vars(State).items() if name.isupper())

LARGEST = 2**63 - 1  # the widest id that a row can have

mails = Commands("mail", help="List mails, try one again, send a test.")


@mails.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--cursor", help="Go on where the page before ended.")
@click.option("--limit", default=50, help="How many at the most.", type=click.IntRange(1, 1000))
@as_json
def list_(state: str | None, cursor: str | None, limit: int, as_json: bool) -> None:
    """List mails, newest first, a page at a time."""
    page = mail.search(state=state, cursor=cursor, size=limit)
    for row in page.rows:
        click.echo(as_line(facts(row)) if as_json else in_columns(row))
    if page.next and not as_json:
        go_on("mail list", state=state, limit=limit, cursor=page.next)


@mails.command()
@click.argument("mail_id", type=click.IntRange(1, LARGEST))
@as_json
def retry(mail_id: int, as_json: bool) -> None:
    """Have a mail that was put off tried again now, by the next worker."""
    if not mail.retry(mail_id, by=Actor.operator()):
        raise click.ClickException(f"No mail that was put off has the id {mail_id}.")
    tell(f"Mail {mail_id} is tried again now.", as_json, id=mail_id)


@mails.command()
@click.argument("address")
@as_json
def test(address: str, as_json: bool) -> None:
    """Send a mail now and say what the server said. Example: flask mail test you@example.com"""
    if mail.is_off():
        raise click.ClickException("This site sends no mail: MAIL_SERVER is none.")
    outcome = letters.test(names.clean_address(address))
    if as_json:
        click.echo(as_line(outcome._asdict()))
        raise click.exceptions.Exit(outcome.state != State.SENT)
    words = f"{outcome.state}: {printable(outcome.reason)}"
    if outcome.state != State.SENT:
        again = f" Next try at {plain(outcome.next_try_at)}." if outcome.next_try_at else ""
        raise click.ClickException(words + again)
    click.echo(words)
    if mail.is_kept():
        click.echo(f"Read it at {current_app.config['PUBLIC_URL']}/dev/mail")


def facts(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in mail.SHOWN}


def in_columns(row: Any) -> str:
    line = f"{row.id:>8}  {plain(row.created_at)}  {row.state:<8}  {row.kind:<20}  {row.recipient}"
    return printable(f"{line}  {row.reason}" if row.reason else line)
