"""A refusal or a code becomes a page, for strangers and for people who are logged in."""

import math
import secrets
from typing import Any

from flask import Flask, Response, current_app, g, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import AnonymousUserMixin, current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.exceptions import HTTPException, SecurityError

from app import clock
from app.accounts import sessions
from app.accounts.errors import NotAllowed, Refusal
from app.db import Busy, server
from app.throttle import Exceeded
from app.web import login_flow

RETRY_AFTER = 5  # seconds

STALE_FORM = _l(
    "This page had been open for too long. Your answers are kept: check them and send again."
)
STALE = _l("This page had been open for too long. Load it again and send it once more.")

# What happened, and what to do about it.
PAGES = {
    400: (
        _l("This request could not be read"),
        _l("Go back, load the page again and try once more."),
    ),
    403: (
        _l("You cannot do this"),
        _l("This request came from another site, or is not yours to make."),
    ),
    404: (_l("Page not found"), _l("Check the address for a slip, or start from the first page.")),
    405: (_l("This address does not work that way"), _l("Open the page and use its button.")),
    413: (_l("That was too much at once"), _l("Send less than 1 MB and try again.")),
    422: (_l("That could not be done"), _l("Go back, change what you entered and try again.")),
    429: (_l("Too many attempts"), _l("Wait a little, then try again.")),
    500: (
        _l("Something broke on our side"),
        _l("Nothing you did was wrong. Try again; if it happens again, tell us the reference."),
    ),
    503: (
        _l("The site is busy"),
        _l("Wait a few seconds, load the page again and look whether it was done."),
    ),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(NotAllowed, not_allowed)
    app.register_error_handler(Exceeded, limit_exceeded)
    for gone in (sessions.Ended, sessions.Expired, ObjectDeletedError):
        app.register_error_handler(gone, login_flow.ended_meanwhile)
    for unavailable in (Busy, OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(unavailable, database_unavailable)
    app.register_error_handler(Exception, broken)


def page(code: int, message: Any = None, **context: Any) -> Response:
    """Return the page of an error code; codes without words of their own borrow the nearest."""
    forget_user_unless_known()
    title, usual = PAGES.get(code) or PAGES[500 if code >= 500 else 400]
    facts = {
        "reference": None,
        "action": (url_for("site.home"), _("Go to the first page")),
    }
    html = render_template(
        "error.html", code=code, title=title, message=message or usual, **(facts | context)
    )
    return make_response(html, code)


def http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirect that routing asked for
        return error.get_response()  # type: ignore[return-value]
    if isinstance(request.routing_exception, SecurityError):
        # No address can be built for a host that is not ours; nothing of it is repeated either.
        return Response(_("This site is not served under that name."), 400, mimetype="text/plain")
    if error.code == 500:  # from abort(500), or what an error handler did not survive
        return broken(getattr(error, "original_exception", None) or error)
    response = page(error.code)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def stale_form(error: CSRFError) -> Response:
    """Show the form again with what was typed and a fresh token: an old page is nobody's fault."""
    return form_again(400, STALE_FORM) or page(
        400, STALE, action=(request.path, _("Load the page again"))
    )


def form_again(code: int, words: Any) -> Response | None:
    """Return the form that was sent, its answers kept, with `words` above it; None if it has none.

    The view runs as the GET it could have been, which changes nothing; forms.Form fills itself
    from what is kept here, and says that it did.
    """
    if not request.url_rule or "GET" not in (request.url_rule.methods or ()):
        return None
    forget_user_unless_known()
    g.kept_answers, g.kept_because, request.method = request.form, words, "GET"
    view = current_app.ensure_sync(current_app.view_functions[request.url_rule.endpoint])
    try:
        response = make_response(view(**(request.view_args or {})))
    except (HTTPException, NotAllowed, Refusal, Exceeded):  # no page for whoever asks, or not now
        return None
    if 300 <= response.status_code < 400:  # there is no form for this person any more
        return response
    if response.status_code != 200 or not g.get("answers_shown"):
        return None
    response.status_code = code
    return response


def refused(error: Refusal) -> Response:
    return page(422, error.message)


def not_allowed(error: NotAllowed) -> Response:
    # The audit trail is for what was done. No address: the log is not for those.
    what, where = type(error).__name__, request.endpoint
    current_app.logger.warning("user %s: %s at %s", current_user.get_id(), what, where)
    return page(403, error.message)


def limit_exceeded(error: Exceeded) -> Response:
    """Answer 429 alike for everybody, and say when to come back (RFC 9110, 10.2.3)."""
    seconds = max(1, math.ceil((error.until - clock.now()).total_seconds()))
    minutes = math.ceil(seconds / 60)
    wait = _("1 minute") if minutes == 1 else _("%(minutes)s minutes", minutes=minutes)
    words = _("Too many attempts. Nothing was checked. Try again in %(wait)s.", wait=wait)
    response = form_again(429, words) or page(429, words)
    response.headers["Retry-After"] = str(seconds)
    return response


def database_unavailable(error: Exception) -> Response:
    if isinstance(error, OperationalError) and not server.is_to_blame(error):
        return broken(error)
    current_app.logger.error("database unavailable: %s", type(error).__name__, exc_info=error)
    forget_user()
    response = page(503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def broken(error: Exception) -> Response:
    """The last resort: a page with a reference that the log has too, and nothing of the error."""
    reference = secrets.token_hex(4)
    current_app.logger.exception("reference %s", reference, exc_info=error)
    forget_user()
    return page(500, reference=reference)


def forget_user() -> None:
    """Keep the error page from asking the database, which may be what broke, who is looking."""
    g._login_user = AnonymousUserMixin()


def forget_user_unless_known() -> None:
    # An error page is no place to fail in: without a database everybody is a stranger.
    try:
        current_user.is_authenticated  # noqa: B018
    except (SQLAlchemyError, Busy):
        forget_user()
