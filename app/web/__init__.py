"""The browser's door. Screens by who looks at them: a stranger, the person, staff, a developer.

Nothing here touches the database: a screen takes input, calls a verb and answers.
"""

from importlib import import_module

from flask import Flask, current_app, request
from flask_babel import format_decimal

from app import mail
from app.accounts import names
from app.web import (
    access_log,
    account,
    admin,
    auth,
    cookies,
    csrf,
    dev,
    errors,
    guards,
    headers,
    language,
    login_flow,
    moments,
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
    language.init_app(app)
    app.jinja_env.filters |= {"ago": moments.ago, "utc": moments.utc, "day": moments.day}
    app.jinja_env.filters |= {"number": format_decimal, "likelier": names.likelier_address}
    app.context_processor(everywhere)

    # Flask asks each view and each hook, in each request, whether it is a coroutine; none is.
    app.ensure_sync = lambda function: function  # type: ignore[assignment, method-assign]
    cookies.init_app(app)
    csrf.init_app(app)
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
        "lang": language.code(),
        "mail_page": dev.mail_page(),
        "has_mail": not mail.is_off(),
    }
