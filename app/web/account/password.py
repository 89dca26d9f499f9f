"""Change the password."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from app.accounts import passwords
from app.accounts.errors import PasswordRefused, WrongPassword
from app.web import login_flow
from app.web.account.blueprint import bp
from app.web.account.forms import ChangePasswordForm
from app.web.guards import actor
from app.web.responses import Answer, form_page


@bp.route("/password", methods=["GET", "POST"])
def password() -> Answer:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            change = passwords.change(
                current_user,
                form.current_password.data,
                form.password.data,
                by=actor(),
                keep=login_flow.current_session(),
            )
        except WrongPassword as refusal:
            form.refuse(form.current_password, refusal)
        except PasswordRefused as refusal:
            form.refuse(form.password, refusal)
        else:
            login_flow.hold(change.secret)
            flash(in_words(change.ended))
            return redirect(url_for("account.password"), 303)
    return form_page("account/password.html", form)


def in_words(ended: int) -> str:
    """Say what happened, and what else it did."""
    if not ended:
        return _("Password changed.")
    return ngettext(
        "Password changed. We logged out %(num)s other device.",
        "Password changed. We logged out %(num)s other devices.",
        ended,
    )
