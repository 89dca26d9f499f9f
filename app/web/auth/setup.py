"""Become the first administrator, with the link that the console shows."""

from flask import redirect, url_for
from flask_babel import gettext as _

from app.accounts import roles
from app.accounts import setup as first
from app.accounts.errors import AddressTaken, LinkExpired, NameTaken, PasswordRefused
from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.auth.forms import SetupForm
from app.web.guards import public, secret_address, visitor
from app.web.responses import Answer, form_page, link_expired


@bp.route("/setup/<token>", methods=["GET", "POST"])
@public
@secret_address
def setup(token: str) -> Answer:
    if not first.is_open(token):
        return no_link()
    form = SetupForm()
    if form.validate_on_submit():
        try:
            who = first.become_administrator(
                token, form.name.data, form.email.data, form.password.data, by=visitor()
            )
        except NameTaken as refusal:
            form.refuse(form.name, refusal)
        except AddressTaken as refusal:
            form.refuse(form.email, refusal)
        except PasswordRefused as refusal:
            form.refuse(form.password, refusal)
        except LinkExpired:  # somebody else was quicker
            return no_link()
        else:
            login_flow.complete(who, by=visitor(), remember=False)
            return redirect(url_for("admin.dashboard"), 303)
    return form_page("auth/setup.html", form)


def no_link() -> Answer:
    login = url_for("auth.login"), _("Go to the log-in page")
    if roles.there_is_an_administrator():
        return link_expired(*login, why=_("There is an administrator already. Log in instead."))
    return link_expired(*login, why=_("Look in the console of the server for the newest link."))
