"""The staff's pages, and what each of them says of somebody who is gone."""

from flask import Blueprint, flash, redirect, url_for
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.wrappers import Response

from app.accounts.errors import AccountGone

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.errorhandler(AccountGone)
@bp.errorhandler(ObjectDeletedError)
def gone(error: Exception) -> Response:
    """Say so on the list; whoever is gone themselves is asked there to log in."""
    flash(str(AccountGone.message), "warning")
    return redirect(url_for("admin.users"), 303)
