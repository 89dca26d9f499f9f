"""The site for development: `python run.py` upgrades its database and serves it, here only."""

import logging
import multiprocessing
import os
import sys

import flask_migrate
import sqlalchemy as sa
from flask.cli import load_dotenv
from werkzeug.serving import is_running_from_reloader

from app import create_app
from app.accounts import setup
from app.audit import Actor
from app.cli.worker import serve

load_dotenv()  # as the flask command does
app = create_app()


def main() -> None:
    """Serve on loopback until Ctrl+C; in production, say what serves instead."""
    if app.config["GATEHOUSE_ENV"] == "production":
        sys.exit("This server is for development. Serve run:app with a production server instead.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with app.app_context():
        flask_migrate.upgrade()
        # Once: the reloader starts the site again and again, and each link ends the one before.
        link = None if is_running_from_reloader() else setup.make_link(by=Actor.operator())
    announce(app.config["PORT"], link)
    if not app.debug or is_running_from_reloader():
        # A process that has nothing of this one's, least of all its connections; ended with it.
        start = multiprocessing.get_context("spawn").Process
        start(target=work_beside, args=(os.getpid(),), daemon=True).start()
    app.run("127.0.0.1", app.config["PORT"])


def work_beside(site: int) -> None:
    """Do the jobs for as long as the site's process lives, however that ends."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with app.app_context():
        serve(lambda: os.getppid() != site)


def announce(port: int, setup_link: str | None) -> None:
    database = sa.make_url(app.config["SQLALCHEMY_DATABASE_URI"]).render_as_string()
    print(f"\n  {app.config['SITE_NAME']} is at http://localhost:{port}")
    print(f"  Database: {database}")
    if setup_link:
        print(f"  There is no administrator yet. Become it at:\n    {setup_link}")
    print("  Stop it with Ctrl+C.\n", flush=True)


if __name__ == "__main__":
    main()
