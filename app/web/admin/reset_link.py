"""Help somebody back in: by mail, or by a link to hand over where the site sends none."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import mail
from app.accounts import lifecycle
from app.accounts.errors import LinkRefused, OwnAccount
from app.accounts.models import User
from app.web.admin.blueprint import bp
from app.web.admin.forms import ReasonForm
from app.web.admin.user import within_reach
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import requires


@bp.route("/users/<row_id:user_id>/reset-link", methods=["GET", "POST"])
@requires("users.edit", _l("Make the reset link"))
def reset_link(user_id: int) -> Answer:
    person, form = within_reach(user_id), ReasonForm()
    if form.validate_on_submit():
        try:
            return printed(person, form) if mail.is_off() else sent(person, form)
        except (LinkRefused, OwnAccount) as refusal:
            form.refuse(form.reason, refusal)
    return form_page("admin/reset_link.html", form, person=person, mail_is_off=mail.is_off())


def sent(person: User, form: ReasonForm) -> Answer:
    user_id = person.id
    lifecycle.send_reset_link(person, by=actor(), reason=form.reason.data)
    flash(_("We mailed them a link. It works once, for 30 minutes."))
    return redirect(url_for("admin.user", user_id=user_id), 303)


def printed(person: User, form: ReasonForm) -> Answer:
    """Show the link on the answer itself, and never again: nothing of it is kept to redirect to."""
    secret = lifecycle.print_reset_link(person, by=actor(), reason=form.reason.data)
    return render_template(
        "admin/reset_link_made.html",
        person=person,
        link=mail.link("auth.reset", token=secret),
    )
