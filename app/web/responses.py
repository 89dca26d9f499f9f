"""The answers that more than one screen gives."""

from typing import Any

from flask import make_response, render_template
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from app.accounts.errors import LinkExpired

Answer = Response | str


def form_page(template: str, form: FlaskForm, **context: Any) -> Answer:
    """Return a page with its form: 200 when it is asked for, 422 when it is shown again."""
    html = render_template(template, form=form, **context)
    return make_response(html, 422 if form.is_submitted() else 200)


def link_expired(again: str, words: str, why: Any = LinkExpired.message) -> Answer:
    """Return the one page for every mailed link that does not work, and where to get a new one."""
    html = render_template("auth/link_expired.html", why=why, again=(again, words))
    return make_response(html, 410)
