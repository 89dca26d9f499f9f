"""The staff's pages, and what each of them says of somebody, or of a role, that is gone."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.wrappers import Response

from app.accounts.errors import AccountGone

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.errorhandler(AccountGone)
@bp.errorhandler(ObjectDeletedError)
def gone(error: Exception) -> Response:
    """Say so on the list; whoever is gone themselves is asked there to log in."""
    if "role_id" in (request.view_args or {}):
        flash(_("This role no longer exists."), "warning")
        return redirect(url_for("admin.roles"), 303)
    flash(str(AccountGone.message), "warning")
    return redirect(url_for("admin.users"), 303)
