"""flask demo N: fills a database with made-up people."""

import logging

import click
from flask import current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from app.accounts import crowd, statistics


@click.command(short_help="Fill the database with N made-up people; never in production.")
@click.argument("count", type=click.IntRange(1, 10_000_000))
@with_appcontext
def demo(count: int) -> None:
    """Add COUNT people who all have the same password. Example: flask demo 1000000"""
    if current_app.config["GATEHOUSE_ENV"] == "production":
        raise click.ClickException("These people would be real accounts: not in production.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start, password_hash = crowd.first_free(), crowd.make_hash()
    with tqdm(total=count, desc="people", unit=" people") as progress:
        for done in range(0, count, crowd.BATCH):
            size = min(crowd.BATCH, count - done)
            crowd.move_in(crowd.people(start + done, size, password_hash))
            progress.update(size)
    statistics.count()
    name = crowd.people(start, 1, password_hash)[0][0]
    click.echo(f"{count} people moved in. Log in as {name!r}, password {crowd.PASSWORD!r}.")
