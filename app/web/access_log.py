"""What a log may know of a request: who, when, from where and what; no secret, no email address.

In production each request is one line of JSON, and so is whatever else is logged meanwhile, under
the same request id. The development server keeps its own readable lines.
"""

import json
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, has_request_context, request
from flask.logging import wsgi_errors_stream

from app.web import guards
from app.web.masking import masked, masked_path, masked_text

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # short, and harmless wherever it is shown
LONGEST_PATH = 200
LONGEST_METHOD = 16
PROBED = {"site.up", "site.ready", "metrics.metrics"}
# What every record has, and every line; the rest was given with it, as `extra`.
USUAL = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "level", "logger", "time"}
# In ASCII: a terminal that shows the log obeys U+009B as it obeys ESC [, and a path may hold it.
encode = json.JSONEncoder(ensure_ascii=True, default=str).encode


class Masking(logging.Filter):
    """Masks each line of the development server's log of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        return True


class JsonLines(logging.Formatter):
    """Lines of JSON, a traceback in one too, with free text masked: an error quotes anything."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "logger": record.name}
        time = {"time": datetime.fromtimestamp(record.created, UTC).isoformat()}
        try:
            return encode(line | self.given(record) | time)
        except Exception as error:
            # What the caller gave stays out: logging would print it all, and nothing would mask it.
            where = f"{record.filename}:{record.lineno}"
            said = f"{where} logs what cannot be written ({type(error).__name__})"
            return encode(line | {"message": said} | time)

    def given(self, record: logging.LogRecord) -> dict[str, Any]:
        facts = {name: value for name, value in record.__dict__.items() if name not in USUAL}
        return {name: masked_text(text) for name, text in self.texts(record).items()} | facts

    def texts(self, record: logging.LogRecord) -> dict[str, str]:
        found = {"message": record.getMessage()}
        if record.exc_info:
            found["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            found["stack_info"] = self.formatStack(record.stack_info)
        return found


class InRequest(logging.Filter):
    """Adds the id of the request under way to what is logged meanwhile."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context() and "request_id" in g:
            record.request_id = g.request_id
        return True


def json_lines() -> logging.Handler:
    # To standard error: what a command prints on standard output is for whoever called it.
    handler = logging.StreamHandler(wsgi_errors_stream)  # type: ignore[call-overload]
    handler.setFormatter(JsonLines())
    handler.addFilter(InRequest())
    return handler


masking = Masking()
lines = json_lines()  # one of each, so that a second site in this process adds nothing


def init_app(app: Flask) -> None:
    logging.getLogger("werkzeug").addFilter(masking)
    app.before_request(begin)
    app.after_request(end)
    if app.config["GATEHOUSE_ENV"] == "production":
        logging.getLogger().addHandler(lines)
        for ours in ("app", "alembic.runtime.migration"):
            logging.getLogger(ours).setLevel(logging.INFO)
        app.after_request_funcs[None].insert(0, write)  # these run from the last to the first


def begin() -> None:
    """Take the id that the proxy gave this request, or one that a log can bear."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()


def end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    return response


def write(response: Response) -> Response:
    if not is_usual(response):
        log.info("request", extra=facts(response))
    return response


def is_usual(response: Response) -> bool:
    """Whether a machine asked, as it does every few seconds, and was told that all is well."""
    return request.endpoint in PROBED and response.status_code == 200


def facts(response: Response) -> dict[str, Any]:
    """What is known of a request. Its query is left out: anything may have been typed there."""
    return {
        "method": request.method[:LONGEST_METHOD],
        "path": masked_path(request.path[:LONGEST_PATH]),
        "status": response.status_code,
        "ms": round((time.perf_counter() - g.began) * 1000, 1),
        "user": user_id(),
        "address": guards.address(),
    }


def user_id() -> int | None:
    """Return the id of whoever is logged in, if this request has asked for it: no query for it."""
    state = sa.inspect(g.get("_login_user"), raiseerr=False)
    return state.identity[0] if state is not None and state.identity else None
