"""Light, dark, or as the system says: a cookie, so that the page comes in the right colours."""

from flask import Request, current_app
from werkzeug.wrappers import Response

THEMES = ("system", "light", "dark")
YEAR = 365 * 24 * 60 * 60  # seconds


def cookie_name() -> str:
    # __Host-: set by this host alone, over TLS; browsers refuse the prefix without it.
    return "__Host-theme" if current_app.config["SESSION_COOKIE_SECURE"] else "theme"


def chosen(request: Request) -> str:
    """Return the theme this browser asked for; "system" for anything it cannot have got from us."""
    theme = request.cookies.get(cookie_name(), "system")
    return theme if theme in THEMES else "system"


def remember(response: Response, theme: str) -> None:
    response.set_cookie(
        cookie_name(),
        theme,
        max_age=YEAR,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
