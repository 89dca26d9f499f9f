"""Where the person is logged in, and ending it elsewhere."""

from typing import NamedTuple

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from app.accounts import sessions as rows
from app.accounts.models import UserSession
from app.web import device, login_flow
from app.web.account.blueprint import bp
from app.web.guards import actor
from app.web.responses import Answer
from app.web.sudo import sudo


class Place(NamedTuple):
    row: UserSession
    device: str
    is_here: bool


@bp.get("/sessions")
def sessions() -> str:
    here = login_flow.current_session()
    places = [
        Place(row, device.in_words(row.user_agent), row.id == here.id)
        for row in rows.live(current_user)
    ]
    return render_template("account/sessions.html", places=places)


@bp.post("/sessions/<row_id:session_id>/end")
@sudo(_l("Log out that device"))
def end_session(session_id: int) -> Answer:
    here = login_flow.current_session()
    if rows.end_one(current_user, session_id, by=actor(), here=here):
        flash(_("That device is logged out."))
    else:
        flash(_("That device was not logged in any more."))
    return redirect(url_for("account.sessions"), 303)


@bp.post("/sessions/others/end")
@sudo(_l("Log out all other devices"))
def end_other_sessions() -> Answer:
    ended = rows.end_all_others(current_user, by=actor(), here=login_flow.current_session())
    flash(
        ngettext(
            "We logged out %(num)s other device.", "We logged out %(num)s other devices.", ended
        )
    )
    return redirect(url_for("account.sessions"), 303)
