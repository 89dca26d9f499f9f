"""What belongs to nobody: the first page, and what machines ask for."""

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from app import proxies
from app.revisions import readiness
from app.web import guards
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
    if proxies.is_question(request.headers.get(proxies.ASKED)):
        return jsonify(proxies.seen(request.environ, guards.address(), request.scheme))
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


@bp.get("/.well-known/security.txt")
@public
def security() -> Response:
    """Whom to tell of a hole, where the site says so (RFC 9116)."""
    if not (contact := current_app.config["SECURITY_CONTACT"]):
        abort(404)
    lines = [
        f"Contact: {contact}",
        f"Expires: {current_app.config['SECURITY_EXPIRES']:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {current_app.config['PUBLIC_URL']}{url_for('site.security')}",
    ]
    return text("\n".join(lines))


def text(body: str, status: int = 200) -> Response:
    return Response(body + "\n", status, mimetype="text/plain")
