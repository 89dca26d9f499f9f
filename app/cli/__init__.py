"""The operator's door: the same verbs as the pages, on the command line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup
from werkzeug.local import LocalProxy
from werkzeug.utils import import_string

import config as settings
from app import db
from app.accounts.models import User

# Each is imported when it is asked for: the site that answers a browser runs none of them.
COMMANDS = {
    "db": "app.cli.schema:db",
    "demo": "app.cli.demo:demo",
    "doctor": "app.cli.doctor:doctor",
    "key": "app.cli.keys:keys",
    "mail": "app.cli.mails:mails",
    "role": "app.cli.roles:roles",
    "serve": "app.cli.serve:serve",
    "session": "app.cli.sessions:sessions",
    "user": "app.cli.users:users",
    "worker": "app.cli.worker:worker",
}


class Commands(AppGroup):
    """What `flask` finds beside its own commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            return import_string(COMMANDS[name])
        return super().get_command(ctx, name)


def init_app(app: Flask) -> None:
    """Add the commands, and what `flask shell` knows from the start."""
    app.cli = Commands(app.name)
    app.extensions["migrate"] = LocalProxy(lambda: flask_migrate_of(app))
    app.shell_context_processor(lambda: {"db": db.db, "User": User})


@contextmanager
def told_to_programs() -> Iterator[None]:
    """Let `flask doctor --json` say in JSON too that the site cannot even be configured.

    There is no command yet to be asked: they belong to the site that is being made.
    """
    try:
        yield
    except settings.ConfigError as error:
        if not {"doctor", "--json"} <= set(sys.argv):
            raise
        click.echo(import_string("app.cli.doctor:unconfigured")(error.message))
        sys.exit(1)


def flask_migrate_of(app: Flask) -> Any:
    """Return what Flask-Migrate keeps with a site, and attach it where nobody has asked before.

    With Alembic it is a sixth of all that would be done before the first answer.
    """
    attach = import_string("flask_migrate:Migrate")
    attach(app, db.db, directory=str(settings.ROOT / "migrations"))  # and takes the proxy's place
    return app.extensions["migrate"]
