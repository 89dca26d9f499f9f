"""flask session …: where somebody is logged in, and ending it."""

import click

from app.accounts import lifecycle
from app.accounts import sessions as rows
from app.accounts.models import UserSession
from app.audit import Actor
from app.cli.common import Commands, as_json, as_line, called, person, plain, printable, tell

SHOWN = ("id", "ip", "user_agent", "remembered", "created_at", "last_seen_at")

sessions = Commands("session", help="List where somebody is logged in, and end it.")


@sessions.command("list")
@click.argument("who")
@as_json
def list_(who: str, as_json: bool) -> None:
    """List where somebody is logged in, the one seen last first. Example: flask session list ada"""
    for row in rows.live(person(who)):
        if as_json:
            click.echo(as_line({name: getattr(row, name) for name in SHOWN}))
        else:
            click.echo(in_columns(row))


def in_columns(row: UserSession) -> str:
    return f"{row.id:>8}  {plain(row.last_seen_at)}  {row.ip:<39}  {printable(row.user_agent)}"


@sessions.command()
@click.argument("who")
@click.option("--id", "session_id", type=click.IntRange(1, 2**63 - 1), help="Only this one.")
@as_json
def revoke(who: str, session_id: int | None, as_json: bool) -> None:
    """Log somebody out, everywhere or in one place. Example: flask session revoke ada"""
    user = person(who)
    if session_id is None:
        ended = lifecycle.end_sessions(user, by=Actor.operator())
    else:
        ended = int(lifecycle.end_session(user, session_id, by=Actor.operator()))
    words = f"{called(user)}: sessions ended: {ended}"
    tell(words, as_json, id=user.id, sessions_ended=ended)
