"""The site for development: `python run.py` upgrades its database and serves it, here only."""

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable

import flask_migrate
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import is_running_from_reloader

from app.accounts import setup
from app.audit import Actor
from app.cli.worker import serve


def main(app: Flask, create_app: Callable[[], Flask]) -> None:
    """Serve on loopback until Ctrl+C; in production, say what serves instead."""
    if app.config["GATEHOUSE_ENV"] == "production":
        sys.exit("This server is for development. Serve run:app with a production server instead.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with app.app_context():
        flask_migrate.upgrade()
        # Once: the reloader starts the site again and again, and each link ends the one before.
        link = None if is_running_from_reloader() else setup.make_link(by=Actor.operator())
    announce(app, link)
    if not app.debug or is_running_from_reloader():
        # A process that has nothing of this one's, least of all its connections; ended with it.
        start = multiprocessing.get_context("spawn").Process
        start(target=work_beside, args=(create_app, os.getpid()), daemon=True).start()
    app.run("127.0.0.1", app.config["PORT"])


def work_beside(create_app: Callable[[], Flask], site: int) -> None:
    """Do the jobs for as long as the site's process lives, however that ends."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with create_app().app_context():
        serve(lambda: os.getppid() != site)


def announce(app: Flask, setup_link: str | None) -> None:
    database = sa.make_url(app.config["SQLALCHEMY_DATABASE_URI"]).render_as_string()
    print(f"\n  {app.config['SITE_NAME']} is at http://localhost:{app.config['PORT']}")
    print(f"  Database: {database}")
    if setup_link:
        print(f"  There is no administrator yet. Become it at:\n    {setup_link}")
    print("  Stop it with Ctrl+C.\n", flush=True)
