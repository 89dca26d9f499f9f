"""Create an account for somebody. Their password is theirs to choose."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import mail
from app.accounts import lifecycle
from app.accounts.errors import AddressTaken, NameTaken
from app.web.admin.blueprint import bp
from app.web.admin.forms import NewUserForm
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import requires


@bp.route("/users/new", methods=["GET", "POST"])
@requires("users.edit", _l("Create the account"))
def new_user() -> Answer:
    form = NewUserForm()
    if form.validate_on_submit():
        try:
            user = lifecycle.create(form.name.data, form.email.data or None, by=actor())
        except NameTaken as refusal:
            form.refuse(form.name, refusal)
        except AddressTaken as refusal:
            form.refuse(form.email, refusal)
        else:
            flash(in_words(told=bool(user.email) and not mail.is_off()))
            return redirect(url_for("admin.user", user_id=user.id), 303)
    return form_page("admin/new_user.html", form)


def in_words(*, told: bool) -> str:
    """Say what happened, and how the person gets in."""
    if told:
        return _("Account created. We mailed them how to choose a password.")
    if mail.is_off():
        return _("Account created. Make a reset link and hand it over: they have no password yet.")
    return _("Account created. They have no password yet, and no address to send a link to.")
