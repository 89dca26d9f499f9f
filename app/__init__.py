"""Gatehouse: people sign up and log in, staff look after them, developers change the schema.

Read on in `create_app`, which is the table of contents: what the site stands on, then its doors.
"""

from collections.abc import Mapping
from typing import Any

from babel import Locale
from flask import Flask
from flask_babel import Babel
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import config as settings
from app import cli, db, web


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return the site, ready to serve; `config` adds to or replaces what the environment says.

    Writes nothing to the database and opens no connection. Raises config.ConfigError.
    """
    app = Flask(
        __name__,
        template_folder=str(settings.ROOT / "templates"),
        static_folder=str(settings.ROOT / "static"),
        instance_path=str(settings.ROOT / "instance"),
    )
    with cli.told_to_programs():
        app.config.from_mapping(settings.load() | dict(config or {}))

    # What it stands on.
    db.init_app(app)
    # A locale, and not its name: that would be parsed, and looked for on disk, in each request.
    Babel(app, default_locale=Locale("en"), default_timezone="UTC")
    if hops := app.config["PROXIES"]:
        # Only as many as are declared: whoever is further out writes these headers as he likes.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]

    # Its doors: the browser's and the operator's.
    web.init_app(app)
    # It signs with the last one; Flask-WTF itself would forget the keys before today's.
    keys = app.config["SECRET_KEY_FALLBACKS"] or []
    app.config["WTF_CSRF_SECRET_KEY"] = [*reversed(keys), app.config["SECRET_KEY"]]
    CSRFProtect(app)
    cli.init_app(app)
    return app
