"""Files that a browser may keep for a year: their address names what is in them.

An address with another digest than the file's, of a release before or after this one while both
run, gets the file as it is here, and no year.
"""

import functools
import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request, session
from werkzeug.security import safe_join

DIGEST = 16  # hexadecimal digits: two versions of one file never meet
A_YEAR = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    app.url_defaults(add_digest)


def add_digest(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and "v" not in values and (digest := digest_of(values["filename"])):
        values["v"] = digest


def digest_of(filename: str) -> str | None:
    """Return the digest of a static file as it is now, or None where there is none."""
    path = safe_join(str(current_app.static_folder), filename)
    try:
        facts = Path(path or "").stat()
        return digest(str(path), facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError):
        return None


@functools.lru_cache
def digest(path: str, changed: int, size: int) -> str:
    """Read a file once for as long as nobody touches it."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:DIGEST]


def keep(response: Response) -> None:
    """Let the answer be kept for a year, if it is what its address says."""
    named = request.args.get("v")
    if named and named == digest_of((request.view_args or {})["filename"]):
        response.headers["Cache-Control"] = A_YEAR
        # Flask-Login looks into the cookie after each request; the file does not depend on it, and
        # a browser that logs in would have to ask for it again.
        session.accessed = False
