"""What belongs to nobody: the first page, and what machines ask for."""

from flask import Blueprint, Response, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from app.schema import readiness
from app.web.guards import public

bp = Blueprint("site", __name__)

ROBOTS = "User-agent: *\nAllow: /$\nDisallow: /\n"  # there is nothing to find but the first page


@bp.get("/")
@public
def home() -> AnyResponse | str:
    if current_user.is_authenticated:
        return redirect(url_for("account.overview"))
    return render_template("site/home.html")


@bp.get("/up")
@public
def up() -> Response:
    """Alive: this process answers. It asks nobody else, so that nothing else can make it lie."""
    return text("up")


@bp.get("/up/ready")
@public
def ready() -> Response:
    """Able to serve: the database answers and every expand of this release is applied."""
    reason = readiness.not_ready()
    return text(reason, 503) if reason else text("ready")


@bp.get("/robots.txt")
@public
def robots() -> Response:
    return text(ROBOTS)


@bp.get("/.well-known/change-password")
@public
def change_password() -> AnyResponse:
    """Where a password manager finds the form (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect(url_for("account.password"))


def text(body: str, status: int = 200) -> Response:
    return Response(body + "\n", status, mimetype="text/plain")
