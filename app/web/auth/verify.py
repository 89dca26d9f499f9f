"""Confirm an address: by the button behind a mailed link, or by the code from the mail."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts import addresses
from app.accounts.errors import AddressTaken, CodeExpired, LinkExpired, WrongCode
from app.web.auth.blueprint import bp
from app.web.auth.forms import CodeForm
from app.web.guards import actor, public, secret_address, whoever
from app.web.responses import Answer, form_page, link_expired


@bp.route("/verify/<token>", methods=["GET", "POST"])
@public
@secret_address
def verify(token: str) -> Answer:
    if request.method != "POST":  # a scanner of mails opens links too
        claimant = addresses.claimant(token)
        return render_template("auth/verify.html", claimant=claimant) if claimant else no_link()
    try:
        user = addresses.confirm(token, by=whoever())
    except LinkExpired:
        return no_link()
    if current_user.is_authenticated and current_user.id == user.id:
        flash(_("Your email address is confirmed."))
        return redirect(url_for("account.overview"), 303)
    flash(_("The email address is confirmed. You can log in with it now."))
    return redirect(url_for("auth.login"), 303)


def no_link() -> Answer:
    return link_expired(url_for("account.email"), _("Go to your email address"))


@bp.route("/verify", methods=["GET", "POST"])
def verify_code() -> Answer:
    if not current_user.pending_email:
        return redirect(url_for("account.email"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        try:
            addresses.confirm_code(current_user, form.code.data, by=actor())
        except (WrongCode, CodeExpired, AddressTaken) as refusal:
            form.refuse(form.code, refusal)
        else:
            flash(_("Your email address is confirmed."))
            return redirect(url_for("account.overview"), 303)
    return form_page("auth/verify_code.html", form)
