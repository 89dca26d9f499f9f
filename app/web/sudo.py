"""Confirm it's you: asked before a sensitive act, which waits for the answer and is not lost."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import redirect, request, session, url_for
from flask_babel import LazyString

from app.accounts import confirmation, sessions
from app.accounts.confirmation import Held
from app.accounts.models import UserSession
from app.web import login_flow
from app.web.guards import SAFE, actor
from app.web.masking import is_secret

View = TypeVar("View", bound=Callable[..., Any])
HELD = "held"  # in the cookie session: the secret of what waits


def sudo(act: LazyString | str, *, within: timedelta = sessions.FRESH) -> Callable[[View], View]:
    """Let somebody through who proved a short while ago who they are.

    `act` is what the button says by which they go on.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            here = login_flow.current_session()
            if not sessions.is_fresh(here, within):
                return ask(here, act)
            answer = view(*args, **kwargs)
            if request.method not in SAFE and (secret := session.pop(HELD, None)):
                confirmation.forget(here, str(secret), by=actor())
            return answer

        return guarded  # type: ignore[return-value]

    return guard


def ask(here: UserSession, act: LazyString | str) -> Any:
    """Ask who it is; a page is come back to by its address, an act is held."""
    if request.method in SAFE:
        return redirect(url_for("auth.confirm", next=request.full_path.rstrip("?")), 303)
    session[HELD] = confirmation.hold(here, this_request(act), by=actor())
    return redirect(url_for("auth.confirm"), 303)


def this_request(act: LazyString | str) -> Held:
    """Return what was asked for, less what must not lie about even sealed."""
    sent = request.form.items(multi=True)
    answers = [(name, value) for name, value in sent if not is_secret(name)]
    return Held(request.full_path.rstrip("?"), answers, str(act))
