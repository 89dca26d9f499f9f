"""Confirm it's you, then go on with what was waiting."""

from flask import g, redirect, render_template, request, session, url_for

from app.accounts import confirmation, sessions
from app.accounts.errors import WrongPassword
from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.auth.forms import ConfirmForm
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.sudo import HELD


@bp.route("/confirm", methods=["GET", "POST"])
def confirm() -> Answer:
    here = login_flow.current_session()
    form = ConfirmForm(next=request.args.get("next"))
    if form.validate_on_submit():
        try:
            secret = confirmation.confirm(here, form.password.data, by=actor())
        except WrongPassword as refusal:
            form.refuse(form.password, refusal)
        except sessions.Ended:  # sent twice: the other one got the new secret
            return redirect(url_for("auth.confirm"), 303)
        else:
            login_flow.hold(secret)
            return redirect(url_for("auth.confirm", next=form.next.data or None), 303)
    # What waits may be for staff, who are asked sooner: whoever is sent here is not sent back.
    elif not is_shown_again(form) and sessions.is_fresh(here, sessions.FRESH_FOR_STAFF):
        return go_on(form.next.data)
    return form_page("auth/confirm.html", form)


def is_shown_again(form: ConfirmForm) -> bool:
    return form.is_submitted() or "kept_answers" in g


def go_on(wanted: str | None) -> Answer:
    """Go back to the page that was asked for, or offer to send the act that waits.

    A redirect cannot send a form, and nothing may act by being looked at.
    """
    secret = None if wanted else session.get(HELD)
    held = confirmation.held(login_flow.current_session(), str(secret)) if secret else None
    if held is None:
        return redirect(login_flow.destination(wanted), 303)
    return render_template("auth/go_on.html", held=held)
