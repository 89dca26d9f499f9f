"""/metrics: figures for Prometheus, for whoever holds METRICS_TOKEN; without one it is not there.

Each process of the site notes its own; whichever is asked adds up what all of them noted, through
files in PROMETHEUS_MULTIPROC_DIR, and asks the database for what lies there. Without that folder,
which `flask serve` sees to, a production site tells only the latter: one process is not the site.
"""

import hmac
import os
import time
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client import generate_latest as as_text
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.db import Busy
from app.jobs import figures as jobs
from app.mail import figures as mails
from app.web.guards import public

bp = Blueprint("metrics", __name__)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

noted = CollectorRegistry()  # of this process
requests = Counter(
    "gatehouse_requests", "Requests answered.", ["endpoint", "method", "status"], registry=noted
)
seconds = Histogram(
    "gatehouse_request_seconds",
    "How long the answers took.",
    ["endpoint"],
    buckets=SECONDS,
    registry=noted,
)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.after_request(note)


def note(response: Response) -> Response:
    # By the name of the route: an address could hold anything, and each would be a row for ever.
    endpoint = request.endpoint or "none"
    method = request.method if request.url_rule else "any"
    requests.labels(endpoint, method, response.status_code).inc()
    seconds.labels(endpoint).observe(time.perf_counter() - g.began)
    return response


@bp.get("/metrics")
@public
def metrics() -> Response:
    given = request.headers.get("Authorization", "").encode()
    wanted = f"Bearer {current_app.config['METRICS_TOKEN']}".encode()
    if not hmac.compare_digest(given, wanted):
        abort(404)
    shared = CollectorRegistry()
    shared.register(InTheDatabase())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(shared)
        text = as_text(shared)
    else:
        text = as_text(shared)
        if current_app.config["GATEHOUSE_ENV"] == "development":  # one process: this one
            text += as_text(noted)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class InTheDatabase(Collector):
    """What all processes share; where the database does not answer, only that is told."""

    def collect(self) -> Iterator[Gauge]:
        try:
            queue, states = jobs.figures(), mails.by_state()
        except (SQLAlchemyError, Busy):
            yield Gauge("gatehouse_database_up", "Whether the database answers.", 0)
            return
        yield Gauge("gatehouse_database_up", "Whether the database answers.", 1)
        found = Gauge("gatehouse_jobs", "Jobs that are due, or were given up.", labels=["state"])
        found.add_metric(["waiting"], queue.waiting)
        found.add_metric(["failed"], queue.failed)
        yield found
        late = queue.late.total_seconds()
        yield Gauge("gatehouse_jobs_late_seconds", "How long the oldest due job has waited.", late)
        found = Gauge("gatehouse_mails", "Mails on their way, or lost in a day.", labels=["state"])
        for state, number in states.items():
            found.add_metric([state], number)
        yield found
