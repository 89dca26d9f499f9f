"""Who of the staff may open a door. What may be done behind it, and to whom, the verb decides."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, g, request
from flask_babel import LazyString
from flask_login import current_user
from werkzeug.local import LocalProxy

from app.accounts import roles, sessions
from app.accounts.errors import NotAllowed
from app.web.guards import SAFE
from app.web.sudo import sudo

View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    # Asked only where a template names it: most people hold no role, and most pages do not ask.
    app.context_processor(lambda: {"permissions": LocalProxy(permissions)})


def permissions() -> frozenset[str]:
    """Return what the person who is logged in may do, as the database has it in this request."""
    if not current_user.is_authenticated or not g.get("holds_role"):
        return frozenset()
    if "permissions" not in g:
        g.permissions = roles.permissions_of(current_user.id)
    return g.permissions


def requires(permission: str, act: LazyString | str = "") -> Callable[[View], View]:
    """Let in who has the permission; to act, who has also proved who they are in ten minutes.

    `act` says in words what is done, for whoever is asked to confirm it.
    """

    def guard(view: View) -> View:
        confirmed = sudo(act, within=sessions.FRESH_FOR_STAFF)(view)

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if permission not in permissions():
                raise NotAllowed
            return (view if request.method in SAFE else confirmed)(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard
