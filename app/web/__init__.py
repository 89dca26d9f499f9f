"""The browser's door. Screens by who looks at them: a stranger, the person, staff, a developer.

Nothing here touches the database: a screen takes input, calls a verb and answers.
"""

from datetime import date, datetime
from importlib import import_module

from flask import Flask, current_app, request
from flask_babel import format_date, format_datetime, format_decimal, format_timedelta, get_locale

from app import clock, mail
from app.accounts import names
from app.web import (
    access_log,
    account,
    admin,
    auth,
    dev,
    errors,
    guards,
    headers,
    login_flow,
    site,
    staff,
    static_files,
    templating,
    theme,
)
from app.web.converters import RowId


def init_app(app: Flask) -> None:
    """Hang the blueprints, the guards and the error pages on the site."""
    app.url_map.converters["row_id"] = RowId
    templating.init_app(app)
    app.jinja_env.filters |= {"ago": ago, "utc": utc, "day": day, "number": format_decimal}
    app.jinja_env.filters |= {"likelier": names.likelier_address}
    app.context_processor(everywhere)

    access_log.init_app(app)
    guards.init_app(app)
    headers.init_app(app)
    static_files.init_app(app)
    errors.init_app(app)
    login_flow.init_app(app)
    staff.init_app(app)

    app.register_blueprint(site.bp)
    app.register_blueprint(auth.bp)
    app.register_blueprint(account.bp)
    app.register_blueprint(admin.bp)
    if app.config["GATEHOUSE_ENV"] == "development":
        app.register_blueprint(dev.bp)
    if app.config["METRICS_TOKEN"]:
        # Imported only where it is wanted: its library is a tenth of the time it takes to start.
        import_module("app.web.metrics").init_app(app)


def everywhere() -> dict[str, object]:
    """What every template may name."""
    return {
        "site_name": current_app.config["SITE_NAME"],
        "theme": theme.chosen(request),
        "lang": str(get_locale() or "en"),
        "mail_page": dev.mail_page(),
        "has_mail": not mail.is_off(),
    }


def ago(moment: datetime) -> str:
    """Return "3 hours ago", in the reader's language."""
    return format_timedelta(moment - clock.now(), add_direction=True)


def utc(moment: datetime) -> str:
    """Return "22 Nov 2026, 10:00 UTC", in the reader's language."""
    return f"{format_datetime(moment, 'd MMM yyyy, HH:mm', rebase=False)} UTC"


def day(value: date) -> str:
    """Return "22 Nov 2026", in the reader's language."""
    return format_date(value, "d MMM yyyy", rebase=False)
