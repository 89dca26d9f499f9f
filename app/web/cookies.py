"""The cookie of the session, as Flask signs it."""

from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class Signing(URLSafeTimedSerializer):
    """Signs as its parent does, with keys that it derives once and not for each cookie."""

    kept: Any = None

    def make_signer(self, salt: str | bytes | None = None) -> Any:
        if self.kept is None:
            signer: Any = super().make_signer(salt)
            signer.secret_keys = [signer.derive_key(key) for key in signer.secret_keys]
            signer.key_derivation = "none"
            self.kept = signer
        return self.kept


class Sessions(SecureCookieSessionInterface):
    """Keeps what signs: Flask makes it anew to read and to write, in each request."""

    kept: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self.kept is None:
            made = super().get_signing_serializer(app)
            assert made is not None  # there is a key: config.py sees to it
            options: Any = {"serializer": self.serializer, "signer_kwargs": made.signer_kwargs}
            self.kept = Signing(made.secret_keys, salt=made.salt, **options)
        return self.kept


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
