"""Log out: a button, never a link."""

from flask import redirect, render_template, request, url_for

from app.web import login_flow
from app.web.auth.blueprint import bp
from app.web.guards import public, whoever
from app.web.responses import Answer


@bp.route("/logout", methods=["GET", "POST"])
@public
def logout() -> Answer:
    if request.method != "POST":  # a HEAD only looks, too
        return render_template("auth/logout.html")
    login_flow.leave(by=whoever())
    response = redirect(url_for("auth.logout"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'  # ASVS 14.3.1
    return response
