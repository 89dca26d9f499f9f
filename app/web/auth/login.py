"""Log in by name, or by a confirmed address."""

from flask import redirect, request
from flask_login import current_user

from app.accounts import authentication
from app.accounts.errors import Deactivated, WrongLogin
from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.auth.forms import LoginForm
from app.web.guards import public, visitor
from app.web.responses import Answer, form_page


@bp.route("/login", methods=["GET", "POST"])
@public
def login() -> Answer:
    form = LoginForm(next=request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(login_flow.destination(form.next.data), 303)
    if form.validate_on_submit():
        try:
            who = authentication.check_password(
                form.identifier.data, form.password.data, by=visitor()
            )
            login_flow.complete(who, by=visitor(), remember=form.remember.data)
        except (WrongLogin, Deactivated) as refusal:
            form.refuse(form.identifier, refusal)
        else:
            return redirect(login_flow.destination(form.next.data), 303)
    return form_page("auth/login.html", form, why=login_flow.why_logged_out())
