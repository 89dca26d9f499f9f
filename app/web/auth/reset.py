"""Choose a new password with a mailed link. It logs nobody in."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _

from app.accounts import recovery
from app.accounts.errors import LinkExpired, PasswordRefused
from app.web.auth.blueprint import bp
from app.web.auth.forms import ResetForm
from app.web.guards import public, secret_address, visitor
from app.web.responses import Answer, form_page, link_expired


@bp.route("/password/reset/<token>", methods=["GET", "POST"])
@public
@secret_address
def reset(token: str) -> Answer:
    user = recovery.owner_of(token)
    if user is None:
        return no_link()
    form = ResetForm()
    if form.validate_on_submit():
        try:
            recovery.reset(token, form.password.data, by=visitor())
        except PasswordRefused as refusal:
            form.refuse(form.password, refusal)
        except LinkExpired:  # another click was quicker
            return no_link()
        else:
            flash(_("Password changed, and every device logged out. Log in with the new one."))
            return redirect(url_for("auth.login"), 303)
    return form_page("auth/reset.html", form, user=user)


def no_link() -> Answer:
    return link_expired(url_for("auth.forgotten"), _("Ask for a new link"))
