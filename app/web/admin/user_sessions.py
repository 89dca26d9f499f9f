"""Log somebody out: everywhere, or on one device."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts import lifecycle, sessions
from app.accounts.errors import OwnAccount
from app.web.admin.blueprint import bp
from app.web.admin.forms import ActForm
from app.web.admin.user import within_reach
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import requires


@bp.route("/users/<row_id:user_id>/session-end", methods=["GET", "POST"])
@requires("users.edit", _l("End all sessions"))
def session_end(user_id: int) -> Answer:
    person, form = within_reach(user_id), ActForm()
    if form.validate_on_submit():
        try:
            ended = lifecycle.end_sessions(person, by=actor())
        except OwnAccount as refusal:
            form.form_errors.append(refusal.message)
        else:
            flash(ngettext("We ended %(num)s session.", "We ended %(num)s sessions.", ended))
            return redirect(url_for("admin.user", user_id=user_id), 303)
    live = len(sessions.live(person))
    return form_page("admin/session_end.html", form, person=person, live=live)


@bp.post("/users/<row_id:user_id>/sessions/<row_id:session_id>/end")
@requires("users.edit", _l("End the session"))
def end_user_session(user_id: int, session_id: int) -> Answer:
    if lifecycle.end_session(within_reach(user_id), session_id, by=actor()):
        flash(_("That device is logged out."))
    else:
        flash(_("That device was not logged in any more."))
    return redirect(url_for("admin.user", user_id=user_id), 303)
