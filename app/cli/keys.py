"""flask key …: what is left to do when SECRET_KEY has changed."""

import secrets

import click
from flask import current_app

from app.accounts import resealing
from app.cli.common import Commands

keys = Commands("key", help="Make a key; seal again what the keys before it sealed.")


@keys.command()
def new() -> None:
    """Print a new key, at random. It is kept nowhere: put it into SECRET_KEY."""
    click.echo(secrets.token_hex(32))


@keys.command()
def reseal() -> None:
    """Seal under SECRET_KEY what SECRET_KEY_FALLBACKS still have to open, a batch at a time.

    It may be stopped and run again at any moment, while the site runs. Exit code 1 where something
    is opened by none of the keys.
    """
    done = unreadable = 0
    for progress in resealing.reseal_all():
        done, unreadable = done + progress.done, unreadable + progress.unreadable
        click.echo(f"{progress.column}: {done} sealed again", err=True)
    click.echo(f"{done} sealed again under the key of today.")
    if unreadable:
        fallbacks = len(current_app.config["SECRET_KEY_FALLBACKS"] or [])
        raise click.ClickException(
            f"{unreadable} are opened by none of the {fallbacks + 1} keys: is one missing in "
            "SECRET_KEY_FALLBACKS?"
        )
