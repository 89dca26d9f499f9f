"""The staff's pages, and who sees a link to which."""

from collections.abc import Collection

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

# Each with the permission that its route asks for.
PAGES = [
    ("admin.dashboard", _l("Dashboard"), "users.view"),
    ("admin.users", _l("People"), "users.view"),
    ("admin.roles", _l("Roles"), "roles.grant"),
    ("admin.audit", _l("Audit trail"), "audit.view"),
    ("admin.mail", _l("Mail"), "mail.view"),
    ("admin.system", _l("System"), "system.view"),
]


def open_to(permissions: Collection[str]) -> list[tuple[str, LazyString]]:
    """Return the pages that these permissions open, as pairs of an endpoint and its words."""
    held = set(permissions)  # they are looked up at each touch
    return [(endpoint, text) for endpoint, text, needed in PAGES if needed in held]
