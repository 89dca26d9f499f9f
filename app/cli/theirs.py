"""flask db: the commands of Flask-Migrate, as its documentation has them, and what we add."""

import re
import warnings
from typing import Any

import click
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import current_app, g
from flask_migrate.cli import db  # type: ignore[import-not-found]
from sqlalchemy.exc import SAWarning

from app.revisions import authoring, trial

group: click.Group = db


def commands() -> dict[str, click.Command]:
    """Return all of them, by name; each option is as it was."""
    given = group.commands
    return {
        **given,
        "migrate": migrate(given["migrate"]),
        "revision": revision(given["revision"]),
        "merge": merge(given["merge"]),
        "upgrade": explained(given["upgrade"], "flask db upgrade --sql"),
        "downgrade": explained(given["downgrade"], "flask db downgrade -2", Relative),
    }


def migrate(their: click.Command) -> click.Command:
    """Return Flask-Migrate's `migrate` with one option more."""

    def run(allow_drop: bool, x_arg: tuple[str, ...], **options: Any) -> None:
        x_arg = (*x_arg, *(["allow-drop"] if allow_drop else []))
        tried(their, x_arg=x_arg, **options)

    drop = click.Option(["--allow-drop"], is_flag=True, help="Let tables go that no model has.")
    said = """Write what changed in the models as a chain: expand, backfill, contract.

    Example: flask db migrate -m "Adding phone"
    """
    return click.Command("migrate", params=[*their.params, drop], callback=run, help=said)


def revision(their: click.Command) -> click.Command:
    """Return Flask-Migrate's `revision`, which leaves no file behind that cannot be used."""

    def run(**options: Any) -> None:
        tried(their, **options)

    return click.Command("revision", params=their.params, callback=run, help=their.help)


def tried(their: click.Command, **options: Any) -> None:
    assert their.callback is not None
    with trial.all_or_nothing(config_of(options["directory"])), warnings.catch_warnings():
        # Of tables that point at each other, which is no matter here.
        warnings.filterwarnings("ignore", "Cannot correctly sort tables", SAWarning)
        their.callback(**options)


def config_of(directory: str | None) -> Config:
    return current_app.extensions["migrate"].migrate.get_config(directory or g.directory)


class Relative(click.Command):
    """A command whose argument may be as `-2`, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        steps = [each for each in args if re.fullmatch(r"-\d+", each)]
        rest = [each for each in args if each not in steps]
        return super().parse_args(ctx, [*rest, "--", *steps] if "--" not in args else args)


def explained(
    their: click.Command, example: str, kind: type[click.Command] = click.Command
) -> click.Command:
    """Return a command of Flask-Migrate's with an example in its help."""
    said = f"{their.help}\n\nExample: {example}"
    assert their.name
    return kind(their.name, params=their.params, callback=their.callback, help=said)


def merge(their: click.Command) -> click.Command:
    """Return Flask-Migrate's `merge`, which gives numbers, and writes nothing where none is due.

    Without a revision theirs begins a second history beside the first.
    """

    def run(
        revisions: tuple[str, ...], directory: str | None, rev_id: str | None, **options: Any
    ) -> None:
        if not revisions:
            raise click.UsageError("Say what to merge: `flask db merge heads`, or two revisions.")
        script = ScriptDirectory.from_config(config_of(directory))
        number = f"{authoring.free(script, rev_id):04}"
        if len(ends := script.get_revisions(revisions)) < 2:
            click.echo(f"Nothing to merge: {ends[0].revision} is one end, and it takes two.")
            return
        assert their.callback is not None
        their.callback(revisions=revisions, directory=directory, rev_id=rev_id or number, **options)

    said = f"{their.help}\n\nExample: flask db merge heads"
    return click.Command("merge", params=their.params, callback=run, help=said)
