"""flask db: the commands that we add to Flask-Migrate's; its own stand beside them, unchanged.

They end with 0 when done or nothing is to do, 1 when refused or failed, 2 when typed wrong.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import alembic.command
import click
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from app.cli import theirs
from app.cli.common import as_json, show
from app.revisions import (
    dry_runs,
    gates,
    lint,
    plan,
    readiness,
    reading,
    squawk,
    status,
    troubles,
    verify,
)
from app.schema import run, state


class Commands(click.Group):
    """Commands that fail with a sentence that says what to do, and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        with troubles.told():
            return super().invoke(ctx)


commands = click.Group()
in_directory = click.option("-d", "--directory", help="Where the revisions are, if elsewhere.")
as_script = click.option(
    "--sql", is_flag=True, help="Print the newest of them as SQL; needs no database."
)
order = partial(click.option, "control", multiple=True)  # so that none hides another


def command(stage: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of the group, with the options that each has."""

    def register(function: Callable[..., None]) -> click.Command:
        return commands.command(stage)(in_directory(with_appcontext(function)))

    return register


@command("plan")
@as_json
def plan_(directory: str | None, as_json: bool) -> None:
    """Say what each pending step would do, and change nothing. Example: flask db plan --json"""
    with looking(directory) as (connection, script):
        facts = plan.facts(connection, script)
    show(facts, plan.lines(facts), as_json)


@command("lint")
@as_json
def lint_(directory: str | None, as_json: bool) -> None:
    """Find what is dangerous in the revision files; changes nothing. Example: flask db lint

    It needs no database; one that answers is asked which of the files were edited after they ran.
    """
    found = lint.findings(ScriptDirectory.from_config(configured(directory)), noted(directory))
    if squawk.program() is None:
        click.echo("PostgreSQL was checked by our own rules alone: install squawk-cli.", err=True)
    lines = [f"{f.file}:{f.line}: {f.level}: {f.rule}: {f.instead}" for f in found]
    show([asdict(each) for each in found], lines or ["Nothing dangerous was found."], as_json)
    if any(each.level == "error" for each in found):
        sys.exit(1)


def noted(directory: str | None) -> Sequence[Any]:
    """Return what the database has noted of the steps that ran there, if it answers."""
    if troubles.no_file(own_url()):
        return []
    try:
        with looking(directory) as (connection, _):
            return state.history(connection)
    except DBAPIError as error:
        said = troubles.sentence(error)
        click.echo(f"Whether a file was edited after it ran was not looked at. {said}", err=True)
        return []


@command("expand")
@as_script
def expand(directory: str | None, sql: bool) -> None:
    """Add what the next release needs; the running one goes on. Example: flask db expand"""
    run_stage("expand", directory, sql)


@command("backfill")
@as_script
@order("--pause", flag_value="pause", help="Let the one that runs wait.")
@order("--resume", flag_value="run", help="Let it go on.")
@order("--cancel", flag_value="cancel", help="End it; what is done stays done.")
@click.option("--dry-run", type=click.IntRange(1), help="Do so many rows, and roll them back.")
@click.option("--batch", type=click.IntRange(1), help="Take so many rows at once, at most.")
def backfill(
    directory: str | None,
    sql: bool,
    control: tuple[state.Control, ...],
    dry_run: int | None,
    batch: int | None,
) -> None:
    """Move the rows, in batches, while the site runs. Example: flask db backfill --pause"""
    if control and (sql or dry_run or batch or len(control) > 1):
        raise click.UsageError("--pause, --resume and --cancel go with no other option.")
    if control or dry_run:
        with looking(directory) as (connection, script):
            if control:
                click.echo(tell(connection, *control))
                connection.commit()
            elif dry_run:
                work = coming(connection, script).module.work
                click.echo(dry_runs.dry_run(work, connection, dry_run))
        return
    run_stage("backfill", directory, sql, batch=batch)


def tell(connection: sa.Connection, control: state.Control) -> str:
    """Tell the backfill that is under way what to do."""
    # The newest: one that died is not under way, whatever it wrote down last.
    for row in sorted(state.progress(connection), key=lambda row: row.updated_at, reverse=True):
        if state.set_control(connection, row.revision, control):
            return f"Told backfill {row.revision} of {row.table}: {control}."
    raise click.ClickException("No backfill is under way: `flask db status` says how all are.")


def coming(connection: sa.Connection, script: ScriptDirectory) -> Script:
    """Return the backfill that comes next, or the newest that ran."""
    waiting = reading.pending(script, readiness.version(connection))
    for revision in [*waiting, *reversed(reading.history(script))]:
        if revision.module.stage == "backfill":
            if revision in waiting[1:]:  # what it fills may not be there yet
                first = reading.step_name(waiting[0])
                run_it = f"run `flask db {waiting[0].module.stage}`"
                raise click.ClickException(f"{first} comes first: {run_it}.")
            return revision
    raise click.ClickException("There is no backfill in this history.")


@command("contract")
@as_script
@click.option(
    "--yes-destroy",
    multiple=True,
    metavar="TABLE.COLUMN",
    help="Let its data die, which nothing brings back; no question is asked then.",
)
def contract(directory: str | None, sql: bool, yes_destroy: tuple[str, ...]) -> None:
    """Remove or tighten what no release needs any more.

    Example: flask db contract --yes-destroy user.phone
    """
    known = [
        name
        for revision in reading.history(ScriptDirectory.from_config(configured(directory)))
        for name in reading.destroyed(revision)
    ]
    for name in set(yes_destroy) - set(known):
        raise click.BadParameter(f"no contract drops {name!r}.", param_hint="--yes-destroy")
    run_stage("contract", directory, sql, yes_destroy)


@command("status")
@as_json
def status_(directory: str | None, as_json: bool) -> None:
    """Say where the database stands and what ran. Example: flask db status --json"""
    with looking(directory) as (connection, script):
        facts = status.facts(connection, script)
    show(facts, status.lines(facts), as_json)


@command("verify")
@as_json
def verify_(directory: str | None, as_json: bool) -> None:
    """Walk every revision up, down and up on scratch databases. Example: flask db verify

    On SQLite, and on each server in VERIFY_URLS (or else the one of DATABASE_URL), where this
    makes a database of its own. Fails if a revision loses rows or breaks the release before it,
    or if models and revisions differ.
    """
    own = current_app.extensions["migrate"].db
    urls = [sa.make_url(url) for url in current_app.config.get("VERIFY_URLS") or [own.engine.url]]
    servers = [url for url in urls if url.get_backend_name() != "sqlite"]
    walks = []
    for server in [sa.make_url("sqlite://"), *servers]:
        with verify.scratch(server) as url:
            walk = verify.Walk(configured(directory), url, own.metadata)
            walk.run()
            walks.append(walk.facts())
    show(walks, [line for facts in walks for line in verify.lines(facts)], as_json)
    if any(facts["failures"] for facts in walks):
        sys.exit(1)


def run_stage(
    stage: str,
    directory: str | None,
    sql: bool,
    destroy: tuple[str, ...] = (),
    batch: int | None = None,
) -> None:
    config = configured(directory)
    config.attributes["batch"] = batch
    wish = gates.Wish(only=stage, destroy=destroy)
    config.attributes["wish"] = wish
    destination = reading.newest(stage, ScriptDirectory.from_config(config)) if sql else "head"
    alembic.command.upgrade(config, destination, sql=sql)
    if wish.refused:
        sys.exit(1)


def configured(directory: str | None) -> Config:
    group = click.get_current_context().parent
    given = directory or (group.params["directory"] if group else None)
    return current_app.extensions["migrate"].migrate.get_config(given)


def own_url() -> sa.URL:
    return current_app.extensions["migrate"].db.engine.url


@contextmanager
def looking(directory: str | None) -> Iterator[tuple[sa.Connection, ScriptDirectory]]:
    """Open a connection that is not the site's, and the revisions beside it."""
    url = own_url()
    if reason := troubles.no_file(url):
        raise click.ClickException(reason)
    with run.connected(url) as connection:
        yield connection, ScriptDirectory.from_config(configured(directory))


# Ours beside Flask-Migrate's, in a group that has its name and its options.
db = Commands(
    "db",
    {**theirs.commands(), **commands.commands},
    params=theirs.group.params,
    callback=theirs.group.callback,
    help=theirs.group.help,
)
