"""How each `flask db` command reaches the database. What it does there stands in app/schema."""

import logging
from contextlib import nullcontext
from logging.config import fileConfig
from typing import Any

import click
import sqlalchemy as sa
from alembic import context
from flask import current_app

from app.schema import authoring, run, stages

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
    "render_item": authoring.render,
    "process_revision_directives": authoring.number,
    "on_version_apply": run.refuse_orphans,
}
if url.get_backend_name() == "sqlite":
    options["transactional_ddl"] = True  # see run.whole_transactions


def writes() -> bool:
    """Whether the command changes the database: only those that do name a destination."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def run_offline() -> None:
    context.configure(url=url, literal_binds=True, **options)
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
    # What the command wants done, which Alembic hands to env.py under no public name.
    wanted = context._proxy.context_opts["fn"]  # type: ignore[attr-defined]
    steps = stages.gated(wanted, say=click.echo)
    context.configure(connection=connection, fn=steps, **options, **more)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    given = config.attributes.get("connection")
    with nullcontext(given) if given is not None else run.connected(url) as connection:
        run_online(connection)
