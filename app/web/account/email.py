"""The address of the account: its state, and the claim that waits to be confirmed."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from app import mail
from app.accounts import addresses
from app.accounts.errors import AddressTaken
from app.web.account.blueprint import bp
from app.web.account.forms import EmailForm
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.sudo import sudo


@bp.route("/email", methods=["GET", "POST"])
def email() -> Answer:
    form = EmailForm(email=current_user.pending_email)
    if form.validate_on_submit():
        return claim(form)
    return form_page("account/email.html", form)


@sudo(_l("Use this address"))
def claim(form: EmailForm) -> Answer:
    try:
        addresses.claim(current_user, form.email.data, by=actor())
    except AddressTaken as refusal:
        form.refuse(form.email, refusal)
        return form_page("account/email.html", form)
    flash(_("Email address saved.") if mail.is_off() else mail_is_coming())
    return redirect(url_for("account.email"), 303)


@bp.post("/email/send-again")
def send_again() -> Answer:
    addresses.send_again(current_user, by=actor())
    flash(mail_is_coming())
    return redirect(url_for("account.email"), 303)


@bp.post("/email/cancel")
def cancel_claim() -> Answer:
    addresses.cancel_claim(current_user, by=actor())
    flash(_("That address was let go. What we mailed to it does not work any more."))
    return redirect(url_for("account.email"), 303)


def mail_is_coming() -> str:
    return _("A mail is on its way to that address. Its link and its code are good for this.")
