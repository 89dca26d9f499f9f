"""How each `flask db` command reaches the database. What it does there stands in app/schema."""

import logging
import sys
from contextlib import nullcontext
from logging.config import fileConfig
from typing import Any

import click
import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError
from flask import current_app

from app.revisions import authoring, drift, gates, orphans, rendered, signature, troubles
from app.schema import run, state

config = context.config
migrate = current_app.extensions["migrate"]
url: sa.URL = migrate.db.engine.url

# A program that logs already keeps its handlers.
if config.config_file_name and not logging.getLogger().handlers:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

options: dict[str, Any] = {
    **migrate.configure_args,
    "target_metadata": migrate.db.metadata,
    "transaction_per_migration": True,
    "render_as_batch": False,  # SQLite alters tables by itself; a recreated one loses too much
    "include_name": state.include_name,
    "autogenerate_plugins": drift.COMPARED,
    "render_item": authoring.render,
    "process_revision_directives": authoring.number,
    "on_version_apply": orphans.refuse_orphans,
    "signed": signature.of_this_run(),
    # The tutorial's people have nothing else to log in with, should they come back.
    "kept_in_plain_text": {"0001_user": "password"},
}


def on(dialect: str) -> dict[str, Any]:
    # See run.whole_transactions.
    return options | ({"transactional_ddl": True} if dialect == "sqlite" else {})


def writes() -> bool:
    """Whether the command changes the database: only those that do name a destination."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    except CommandError as error:
        raise troubles.explained(error, context.script, ()) from error
    return True


def wanted() -> Any:
    # What the command wants done, which Alembic hands to env.py under no public name.
    return context._proxy.context_opts["fn"]  # type: ignore[attr-defined]


def run_offline() -> None:
    more = on(url.get_backend_name()) | {"fn": rendered.guarded(wanted())}
    plain = {"paramstyle": "named"}  # else each % stands there twice, for the driver
    context.configure(url=url, literal_binds=True, dialect_opts=plain, **more)
    rendered.begin_script(context.get_context())
    with context.begin_transaction():
        context.run_migrations()


def run_online(connection: sa.Connection) -> None:
    if not writes():
        migrate_on(connection)
    elif connection.in_transaction():
        migrate_on(connection, in_callers_transaction=True)
    else:
        with run.one_at_a_time(connection), run.whole_transactions(connection):
            migrate_on(connection)


def migrate_on(connection: sa.Connection, **more: Any) -> None:
    if reason := troubles.too_old(connection):
        raise CommandError(reason)
    steps = signature.compared(wanted()) if writes() else wanted()
    confirm = click.confirm if sys.stdin.isatty() and sys.stdout.isatty() else None
    wish = config.attributes.get("wish") or gates.Wish()
    steps = gates.gated(steps, wish, say=click.echo, confirm=confirm)
    more |= on(connection.dialect.name)
    context.configure(connection=connection, fn=run.attended(steps), **more)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    given = config.attributes.get("connection")
    with nullcontext(given) if given is not None else run.connected(url) as connection:
        run_online(connection)
