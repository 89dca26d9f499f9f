"""Create an account."""

from flask import redirect, url_for
from flask_login import current_user

from app.accounts import registration
from app.accounts.errors import AddressTaken, NameTaken, PasswordRefused
from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.auth.forms import RegisterForm
from app.web.guards import public, visitor
from app.web.responses import Answer, form_page


@bp.route("/register", methods=["GET", "POST"])
@public
def register() -> Answer:
    if current_user.is_authenticated:
        return redirect(url_for("account.overview"))
    form = RegisterForm()
    if form.validate_on_submit():
        try:
            who = registration.register(
                form.name.data, form.email.data, form.password.data, by=visitor()
            )
        except NameTaken as refusal:
            form.refuse(form.name, refusal)
        except AddressTaken as refusal:
            form.refuse(form.email, refusal)
        except PasswordRefused as refusal:
            form.refuse(form.password, refusal)
        else:
            login_flow.complete(who, by=visitor(), remember=False)
            return redirect(url_for("account.overview"), 303)
    return form_page("auth/register.html", form)
