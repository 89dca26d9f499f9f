"""The cookie of the session, as Flask signs it."""

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class Sessions(SecureCookieSessionInterface):
    """Keeps what signs: Flask makes it anew to read and to write, in each request."""

    kept: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self.kept is None:
            self.kept = super().get_signing_serializer(app)
        return self.kept


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
