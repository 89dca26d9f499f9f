"""The site for development: `python run.py` upgrades its database and serves it, here only."""

import logging
import sys

import flask_migrate
import sqlalchemy as sa
from flask.cli import load_dotenv

from app import create_app

load_dotenv()  # as the flask command does
app = create_app()


def main() -> None:
    """Serve on loopback until Ctrl+C; in production, say what serves instead."""
    if app.config["GATEHOUSE_ENV"] == "production":
        sys.exit("This server is for development. Serve run:app with a production server instead.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with app.app_context():
        flask_migrate.upgrade()
    announce(app.config["PORT"])
    app.run("127.0.0.1", app.config["PORT"])


def announce(port: int) -> None:
    database = sa.make_url(app.config["SQLALCHEMY_DATABASE_URI"]).render_as_string()
    print(f"\n  {app.config['SITE_NAME']} is at http://localhost:{port}")
    print(f"  Database: {database}")
    print("  Stop it with Ctrl+C.\n", flush=True)


if __name__ == "__main__":
    main()
