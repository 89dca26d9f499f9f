"""Forgotten the password: ask for a link. The answer is the same whoever asks, for whatever."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from app import mail
from app.accounts import recovery
from app.web.auth.blueprint import bp
from app.web.auth.forms import ForgottenForm
from app.web.guards import public, visitor
from app.web.responses import Answer, form_page


@bp.route("/password/forgotten", methods=["GET", "POST"])
@public
def forgotten() -> Answer:
    if mail.is_off():
        return render_template("auth/forgotten_without_mail.html")
    form = ForgottenForm()
    if form.validate_on_submit():
        recovery.ask(form.email.data, by=visitor())
        flash(_("A mail to that address says how to go on. It may take a few minutes to arrive."))
        return redirect(url_for("auth.forgotten"), 303)
    return form_page("auth/forgotten.html", form)
