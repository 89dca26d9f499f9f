"""The staff's first page: how things stand, from figures that the worker keeps."""

from datetime import timedelta
from typing import NamedTuple

from flask import render_template, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _

from app import clock, mail
from app.accounts import directory, statistics
from app.mail import State
from app.web.admin.blueprint import bp
from app.web.staff import permissions, requires

NEWEST = 5


class Care(NamedTuple):
    """Something that somebody should look at."""

    words: str
    address: str
    action: str


@bp.get("")
@requires("users.view")
def dashboard() -> str:
    return render_template(
        "admin/dashboard.html",
        figures=statistics.dashboard(),
        newest=directory.newest(NEWEST),
        care=mails_in_trouble() if "mail.view" in permissions() else [],
        days=statistics.DAYS,
    )


def mails_in_trouble() -> list[Care]:
    """Return what became of the mails that somebody may be waiting for."""
    found = []
    if waiting := mail.how_many(State.DEFERRED):
        words = _("Mails put off, to be tried again: %(count)s", count=in_words(waiting))
        found.append(care(words, State.DEFERRED))
    if refused := mail.how_many(State.REFUSED, since=clock.now() - timedelta(days=1)):
        words = _("Mails refused in the last 24 hours: %(count)s", count=in_words(refused))
        found.append(care(words, State.REFUSED))
    return found


def in_words(number: int) -> str:
    if number > mail.COUNTED:  # the count went no further
        return _("more than %(count)s", count=format_decimal(mail.COUNTED))
    return format_decimal(number)


def care(words: str, state: str) -> Care:
    return Care(words, url_for("admin.mail", state=state), _("Look at them"))
