"""One person: who they are, where they are logged in, what they may do, what happened."""

from typing import Any

from flask import abort, render_template
from flask_babel import gettext as _

from app import audit, mail
from app.accounts import directory, roles, sessions
from app.accounts.errors import OutRanked
from app.accounts.models import Origin, User
from app.web import device
from app.web.admin import words
from app.web.admin.blueprint import bp
from app.web.guards import actor
from app.web.staff import permissions, requires


@bp.get("/users/<row_id:user_id>")
@requires("users.view")
def user(user_id: int) -> str:
    person, may = known(user_id), permissions()
    return render_template(
        "admin/user.html",
        person=person,
        facts=facts(person),
        roles=roles.roles_of(person),
        places=[(row, device.in_words(row.user_agent)) for row in sessions.live(person)],
        mails=mail.of(person) if "mail.view" in may else [],
        events=audit.history(person) if "audit.view" in may else [],
        acts=acts_on(person),
        mail_is_off=mail.is_off(),
    )


def known(user_id: int) -> User:
    """Return the person with this id, or answer 404."""
    return directory.with_id(user_id) or abort(404)


def within_reach(user_id: int) -> User:
    """Return the person with this id, on whom the viewer may act as far as rank goes.

    Raises OutRanked, which the verb would say only after the form was filled in.
    """
    person = known(user_id)
    if not is_below(person):
        raise OutRanked
    return person


def is_below(person: User) -> bool:
    return roles.permissions_of(person.id) <= permissions()


def acts_on(person: User) -> frozenset[str]:
    """Return the permissions of the viewer that reach this person: what the page offers.

    A courtesy: whether an act is right is decided by its verb.
    """
    return permissions() if person.id != actor().id and is_below(person) else frozenset()


def facts(person: User) -> list[tuple[str, Any]]:
    """Return what is known about somebody, as pairs of a label and a value."""
    known_facts = [
        (_("Id"), person.id),
        (_("Name"), person.name),
        (_("Confirmed address"), person.email),
        (_("Address to be confirmed"), person.pending_email),
        (_("Came"), words.ORIGINS.get(person.origin or Origin.UNKNOWN)),
        (_("Since"), person.created_at),
        (_("Last seen"), person.last_seen_at),
        (_("Deactivated"), person.deactivated_at),
        (_("Password"), _("Set") if person.password_hash else _("Not chosen yet")),
    ]
    return [(label, value) for label, value in known_facts if value not in (None, "")]
