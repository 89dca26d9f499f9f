"""Lock somebody out, and let them in again."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts import lifecycle, sessions
from app.accounts.errors import LastAdministrator, OwnAccount, StandsAlready
from app.web.admin.blueprint import bp
from app.web.admin.forms import ReasonForm
from app.web.admin.user import within_reach
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import requires


@bp.route("/users/<row_id:user_id>/deactivation", methods=["GET", "POST"])
@requires("users.deactivate", _l("Deactivate the account"))
def deactivation(user_id: int) -> Answer:
    person, form = within_reach(user_id), ReasonForm()
    if form.validate_on_submit():
        try:
            ended = lifecycle.deactivate(person, by=actor(), reason=form.reason.data)
        except (LastAdministrator, OwnAccount, StandsAlready) as refusal:
            form.refuse(form.reason, refusal)
        else:
            flash(in_words(ended))
            return redirect(url_for("admin.user", user_id=user_id), 303)
    live = len(sessions.live(person))
    return form_page("admin/deactivation.html", form, person=person, live=live)


def in_words(ended: int) -> str:
    """Say what happened, and what else it did."""
    if not ended:
        return _("Account deactivated.")
    return ngettext(
        "Account deactivated. We ended %(num)s session.",
        "Account deactivated. We ended %(num)s sessions.",
        ended,
    )


@bp.route("/users/<row_id:user_id>/reactivation", methods=["GET", "POST"])
@requires("users.deactivate", _l("Reactivate the account"))
def reactivation(user_id: int) -> Answer:
    person, form = within_reach(user_id), ReasonForm()
    if form.validate_on_submit():
        try:
            lifecycle.reactivate(person, by=actor(), reason=form.reason.data)
        except (OwnAccount, StandsAlready) as refusal:
            form.refuse(form.reason, refusal)
        else:
            flash(_("Account reactivated. Their password and their roles are as they were."))
            return redirect(url_for("admin.user", user_id=user_id), 303)
    return form_page("admin/reactivation.html", form, person=person)
