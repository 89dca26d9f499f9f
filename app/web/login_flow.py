"""From a right password to a logged-in browser, and back: the only login_user() of the site.

The cookie holds the secret of a session row and nothing about the person; each request resumes
that row with one SELECT, so a row that is gone is a browser logged out, at once.
"""

from urllib.parse import urlsplit

from flask import Flask, g, redirect, request, session, url_for
from flask_babel import LazyString
from flask_login import LoginManager, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from app.accounts import sessions
from app.accounts.authentication import Verified
from app.accounts.models import User, UserSession
from app.audit import Actor

LONGEST_NEXT = 512
SECRET = "_user_id"  # where Flask-Login keeps what the user loader is given


class Logins(LoginManager):
    """Flask-Login's, but that an address or a browser may change: the row decides.

    Told so by a setting, it would still compute in each request what it then does not compare.
    """

    def _session_protection_failed(self) -> bool:
        return False


manager = Logins()


def init_app(app: Flask) -> None:
    manager.init_app(app)


def complete(who: Verified, *, by: Actor, remember: bool) -> None:
    """Log this browser in with a new session; whatever it held before is dead (ASVS 7.2.4).

    Raises WrongLogin where the password was changed since it was checked.
    """
    before = session.get(SECRET)
    started = sessions.start(
        who.user,
        verified=who.password_hash,
        by=by,
        remembered=remember,
        user_agent=request.user_agent.string.replace("\0", ""),
        receipts=who.receipts,
    )
    forget(before, by=by)
    login_user(who.user)
    g.user_session = started.session
    hold(started.secret)
    if remember:
        session.permanent = True


def hold(secret: str) -> None:
    """Put the secret in the cookie, in place of what Flask-Login would write about the person."""
    session[SECRET] = secret
    session.pop("_id", None)
    session.pop("_fresh", None)


def leave(*, by: Actor) -> None:
    """Log this browser out on the server, and forget everything its cookie held."""
    forget(session.get(SECRET), by=by)


def forget(secret: str | None, *, by: Actor) -> None:
    if secret:
        sessions.end(str(secret), by=by)
    logout_user()
    session.clear()


@manager.user_loader
def resume(secret: str) -> User | None:
    try:
        g.user_session, g.holds_role = sessions.resume(str(secret))
    except (sessions.Expired, sessions.Ended) as refusal:
        g.why_logged_out = refusal.message
        return None
    return g.user_session.user


def current_session() -> UserSession:
    """Return the row by which this browser is logged in."""
    return g.user_session


def ended_meanwhile(error: Exception) -> Response:
    """Answer where the session, or the account, went away while its request was under way."""
    return ask_to_log_in()


def why_logged_out() -> LazyString | str | None:
    """Return why the session of this browser's cookie is none any more, if it had one.

    The cookie is left as it is: another request of the same browser may just have got a new one.
    """
    return None if current_user.is_authenticated else g.get("why_logged_out")


@manager.unauthorized_handler
def ask_to_log_in() -> Response:
    """Send a stranger to the log-in page, and back afterwards to a page that can be asked for."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=wanted if is_local(wanted) else None), 303)


def destination(wanted: str | None) -> str:
    """Return where to go after the log-in: the page that was asked for, if it is one of ours."""
    return wanted if wanted and is_local(wanted) else url_for("account.overview")


def is_local(address: str | None) -> bool:
    """Whether a browser that is sent to `address` stays on this site.

    Browsers read \\ as / and drop tabs and line breaks, so // and everything like it is refused
    by form and not by parsing alone.
    """
    if not address or len(address) > LONGEST_NEXT or not address.isprintable():
        return False
    if not address.startswith("/") or address.startswith("//") or "\\" in address:
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc
