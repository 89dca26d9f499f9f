"""The staff's first page: how things stand, from figures that the worker keeps."""

from datetime import timedelta
from typing import NamedTuple

from flask import render_template, url_for
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
    if waiting := how_many(State.DEFERRED):
        words = _("Mails put off, to be tried again: %(count)s", count=waiting)
        found.append(care(words, State.DEFERRED))
    if refused := how_many(State.REFUSED, within=timedelta(days=1)):
        words = _("Mails refused in the last 24 hours: %(count)s", count=refused)
        found.append(care(words, State.REFUSED))
    return found


def how_many(state: str, within: timedelta | None = None) -> str:
    """Return a number in words: no more than a page of them is looked at."""
    page = mail.search(state=state)
    rows = [row for row in page.rows if within is None or clock.now() - row.created_at < within]
    if len(rows) == len(page.rows) and page.next:
        return _("more than %(count)s", count=len(rows))
    return str(len(rows) or "")


def care(words: str, state: str) -> Care:
    return Care(words, url_for("admin.mail", state=state), _("Look at them"))
