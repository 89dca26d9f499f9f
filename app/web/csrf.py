"""The CSRF value of a page: as Flask-WTF makes and checks it, signed by what is kept.

Its own function makes what signs anew for each page, which takes longer than signing.
"""

import functools
import secrets

from flask import Flask, current_app, g, session
from flask_wtf import FlaskForm

from app.web.cookies import Signing

NAME, SALT = "csrf_token", "wtf-csrf-token"  # Flask-WTF's


class OfForms(FlaskForm.Meta.csrf_class):
    """What a form asks for its token."""

    def generate_csrf_token(self, csrf_token_field: object) -> str:
        return value()


def init_app(app: Flask) -> None:
    app.jinja_env.globals["csrf_value"] = value


def value() -> str:
    """Return the value of this session, signed; the first page makes it."""
    if NAME not in g:
        if NAME not in session:
            session[NAME] = secrets.token_hex(20)
        g.csrf_token = signer(*current_app.config["WTF_CSRF_SECRET_KEY"]).dumps(session[NAME])
    return str(g.csrf_token)


@functools.lru_cache
def signer(*keys: str) -> Signing:
    return Signing(keys, salt=SALT)
