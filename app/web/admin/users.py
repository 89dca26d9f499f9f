"""The directory: everybody, a page at a time."""

from typing import Any

from flask import render_template, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from app.accounts import directory
from app.web.admin.blueprint import bp
from app.web.admin.filters import UserFilters
from app.web.staff import requires


@bp.get("/users")
@requires("users.view")
def users() -> str:
    filters = UserFilters()
    page = directory.search(**filters.chosen, cursor=filters.cursor)
    roles, holders = directory.roles_among(page.rows)
    filters.role.offer((role, role) for role in roles)
    return render_template(
        "admin/users.html",
        filters=filters,
        page=page,
        holders=holders,
        caption=in_words(page.total),
        columns=columns(filters),
    )


def in_words(total: int) -> str:
    """Say how many people there are, as exactly as that is known."""
    if total <= directory.EXACT:
        return ngettext("%(num)s person", "%(num)s people", total)
    if total == directory.EXACT + 1:  # the count went no further
        return _("More than %(number)s people", number=format_decimal(directory.EXACT))
    return _("About %(number)s people", number=format_decimal(total))


def columns(filters: UserFilters) -> list[Any]:
    """Return the heads of the table; the list is sorted by those that are links."""
    sort = filters.sort.data
    order = {"name": "ascending"}.get(sort)
    came = {"newest": "descending", "oldest": "ascending"}.get(sort)
    return [
        (_("Name"), sorted_by("name", filters), order),
        _("Address"),
        _("Status"),
        _("Role"),
        (_("Came"), sorted_by("oldest" if sort == "newest" else "newest", filters), came),
        _("Last seen"),
    ]


def sorted_by(sort: str, filters: UserFilters) -> str:
    return url_for("admin.users", **(filters.chosen | {"sort": sort}))
