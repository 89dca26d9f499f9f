"""The operator's door: the same verbs as the pages, on the command line."""

from flask import Flask

from app import db
from app.accounts.models import User
from app.cli.demo import demo
from app.cli.doctor import doctor
from app.cli.keys import keys
from app.cli.mails import mails
from app.cli.roles import roles
from app.cli.schema import replace_db
from app.cli.serve import serve
from app.cli.sessions import sessions
from app.cli.users import users
from app.cli.worker import worker


def init_app(app: Flask) -> None:
    """Add the commands, and what `flask shell` knows from the start."""
    app.cli.add_command(users)
    app.cli.add_command(demo)
    app.cli.add_command(roles)
    app.cli.add_command(sessions)
    app.cli.add_command(mails)
    app.cli.add_command(keys)
    app.cli.add_command(doctor)
    app.cli.add_command(serve)
    app.cli.add_command(worker)
    replace_db(app)
    app.shell_context_processor(lambda: {"db": db.db, "User": User})
