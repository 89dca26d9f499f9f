"""Log out: a button, never a link."""

from flask import redirect, render_template, request, url_for
from flask_login import current_user

from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.guards import actor, public, visitor
from app.web.responses import Answer


@bp.route("/logout", methods=["GET", "POST"])
@public
def logout() -> Answer:
    if request.method != "POST":  # a HEAD only looks, too
        return render_template("auth/logout.html")
    login_flow.leave(by=actor() if current_user.is_authenticated else visitor())
    response = redirect(url_for("auth.logout"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'  # ASVS 14.3.1
    return response
