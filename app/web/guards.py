"""Who may come in. Closed by default: a route is open only where it says so."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from flask_login import current_user

from app.audit import Actor
from app.web import login_flow

View = TypeVar("View", bound=Callable[..., Any])
SAFE = {"GET", "HEAD", "OPTIONS"}


def init_app(app: Flask) -> None:
    app.before_request(refuse_other_sites)
    app.before_request(require_login)


def public(view: View) -> View:
    """Let everybody in, logged in or not."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def is_public(endpoint: str | None) -> bool:
    return endpoint == "static" or is_marked(endpoint, "is_public")


def secret_address(view: View) -> View:
    """Keep the address of this page from every other: it holds a secret that was mailed."""
    view.has_secret_address = True  # type: ignore[attr-defined]
    return view


def has_secret_address(endpoint: str | None) -> bool:
    return is_marked(endpoint, "has_secret_address")


def is_marked(endpoint: str | None, mark: str) -> bool:
    return getattr(current_app.view_functions.get(endpoint or ""), mark, False)


def require_login() -> Any:
    if request.routing_exception or is_public(request.endpoint):  # a 404 stays a 404
        return None
    if not current_user.is_authenticated:
        return login_flow.ask_to_log_in()
    return None


def refuse_other_sites() -> None:
    """Refuse an act that another site sent this browser to do, where the browser tells.

    Sec-Fetch-Site first, Origin where it is absent (OWASP CSRF cheat sheet); where the browser
    sends neither, the token alone decides.
    """
    if request.method in SAFE or request.routing_exception:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            abort(403)
        return
    origin = request.headers.get("Origin")
    if origin == "null" and has_secret_address(request.endpoint):
        return  # the browser leaves it out with the Referer; the token decides
    if origin is not None and origin not in own_origins():
        abort(403)


def own_origins() -> set[str]:
    public = urlsplit(current_app.config["PUBLIC_URL"])
    # The host was checked against TRUSTED_HOSTS before anything was routed.
    return {f"{public.scheme}://{public.netloc}", request.host_url.rstrip("/")}


def visitor() -> Actor:
    """Return who acts where nobody needs to be logged in: an address, no more."""
    return Actor.visitor(address())


def actor() -> Actor:
    """Return the person who is logged in, as the one who acts."""
    return Actor.person(current_user, address())


def whoever() -> Actor:
    """Return who acts where it makes no difference whether they are logged in."""
    return actor() if current_user.is_authenticated else visitor()


def address() -> str:
    """Return the address that the request came from, or "" where it is none.

    A proxy may add a port, or pass on what somebody made up.
    """
    text = request.remote_addr or ""
    if found := re.fullmatch(r"\[(.*)\](?::\d+)?|([\d.]+):\d+", text):
        text = found[1] or found[2]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
