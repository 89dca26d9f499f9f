"""The database as the developers left it: what `flask db status` says, for reading only."""

from datetime import timedelta
from typing import Any

from flask import Response, make_response, render_template, request
from flask_babel import LazyString, format_decimal, format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import import_string

from app.web.admin.blueprint import bp
from app.web.staff import requires

REFRESHED_EVERY = 3  # seconds, while something runs

Badge = tuple[LazyString | str, str]

STATES: dict[str, Badge] = {
    "running": (_l("Running"), ""),
    "paused": (_l("Paused"), "warn"),
    "cancelled": (_l("Cancelled"), "warn"),
    "failed": (_l("Failed"), "bad"),
    "leftovers": (_l("Rows left over"), "warn"),
    "done": (_l("Done"), "ok"),
    "silent": (_l("Stopped without a word"), "bad"),  # see app.revisions.status
}
OUTCOMES: dict[str, Badge] = {
    "upgraded": (_l("Applied"), "ok"),
    "downgraded": (_l("Taken back"), "warn"),
    "failed": (_l("Failed"), "bad"),
}


@bp.get("/system")
@requires("system.view")
def system() -> Response:
    # Imported for this page alone: it brings Alembic with it.
    facts = import_string("app.revisions.status:read")()
    # One that is paused may go on at any moment.
    runs = any(row["fares"] in ("running", "paused") for row in facts["backfills"])
    stands_still = request.args.get("refresh") == "no"
    page = render_template(
        "admin/system.html",
        facts=facts,
        runs=runs,
        stands_still=stands_still,
        seconds=REFRESHED_EVERY,
    )
    response = make_response(page)
    if runs and not stands_still:
        response.headers["Refresh"] = str(REFRESHED_EVERY)
    return response


def backfill_badge(row: dict[str, Any]) -> Badge:
    """Return the words and the tone for how a backfill fares."""
    return STATES.get(row["fares"], (row["fares"], ""))


def run_badge(row: dict[str, Any]) -> Badge:
    """Return the words and the tone for how a step ended."""
    return OUTCOMES.get(row["outcome"], (row["outcome"], ""))


def how_far(row: dict[str, Any]) -> str:
    """Return "6,200 of 10,000 rows · about 40 seconds left"."""
    done, total = format_decimal(row["done"]), format_decimal(row["total"])
    if row["seconds_left"] is None:
        return _("%(done)s of %(total)s rows", done=done, total=total)
    left = duration(row["seconds_left"])
    return _("%(done)s of %(total)s rows · about %(left)s left", done=done, total=total, left=left)


def duration(seconds: float) -> str:
    """Return "40 seconds", or that it was less than one."""
    return format_timedelta(timedelta(seconds=seconds)) if seconds >= 1 else _("under a second")
