"""The audit trail: who did what, to whom, when and from where."""

from datetime import UTC, date, datetime, time, timedelta

from flask import make_response, render_template

from app import audit as trail
from app.web.admin.blueprint import bp
from app.web.admin.filters import AuditFilters
from app.web.responses import Answer
from app.web.staff import requires


@bp.get("/audit")
@requires("audit.view")
def audit() -> Answer:
    filters = AuditFilters()
    if not filters.validate():
        return make_response(render_template("admin/audit.html", form=filters, page=None), 422)
    page = trail.search(
        who=filters.who.person,
        whom=filters.whom.person,
        event=filters.event.data or None,
        ip=filters.ip.ip,
        since=start_of(filters.since.day),
        until=start_of(filters.until.day, days_later=1),
        cursor=filters.cursor,
    )
    return render_template("admin/audit.html", form=filters, page=page)


def start_of(day: date | None, days_later: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days_later), time(), UTC)
