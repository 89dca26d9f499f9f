"""The browser's door. Screens by who is looking at them: a stranger, the person, a developer.

Nothing here touches the database: a screen takes input, calls a verb and answers.
"""

from datetime import datetime

from flask import Flask, current_app, request
from flask_babel import format_datetime, format_timedelta, get_locale
from jinja2 import StrictUndefined

from app import clock
from app.web import account, auth, dev, errors, guards, headers, login_flow, site, theme
from app.web.converters import RowId


def init_app(app: Flask) -> None:
    """Hang the blueprints, the guards and the error pages on the site."""
    app.url_map.converters["row_id"] = RowId
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {"ago": ago, "utc": utc}
    app.context_processor(everywhere)

    guards.init_app(app)
    headers.init_app(app)
    errors.init_app(app)
    login_flow.init_app(app)

    app.register_blueprint(site.bp)
    app.register_blueprint(auth.bp)
    app.register_blueprint(account.bp)
    if app.config["GATEHOUSE_ENV"] == "development":
        app.register_blueprint(dev.bp)


def everywhere() -> dict[str, object]:
    """What every template may name."""
    return {
        "site_name": current_app.config["SITE_NAME"],
        "theme": theme.chosen(request),
        "lang": str(get_locale() or "en"),
    }


def ago(moment: datetime) -> str:
    """Return "3 hours ago", in the reader's language."""
    return format_timedelta(moment - clock.now(), add_direction=True)


def utc(moment: datetime) -> str:
    """Return "22 Nov 2026, 10:00 UTC", in the reader's language."""
    return f"{format_datetime(moment, 'd MMM yyyy, HH:mm', rebase=False)} UTC"
