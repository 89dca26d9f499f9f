"""What a log may know of an address: not the secret in it."""

import logging
import re

from flask import Flask

# As long as the secrets of app/crypto.py, or nearly: what a mail program cut off is masked too.
SECRET = re.compile(r"[\w-]{32,}")


def masked(path: str) -> str:
    """Return the path of a request, or a line about it, without what could be a secret in it."""
    return SECRET.sub("…", path)


class Masking(logging.Filter):
    """Masks each line of the development server's log of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        return True


masking = Masking()


def init_app(app: Flask) -> None:
    logging.getLogger("werkzeug").addFilter(masking)  # once, however many sites this process makes
