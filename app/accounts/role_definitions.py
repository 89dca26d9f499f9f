"""What a role is: its name, and the permissions it holds. Who holds it is in roles.

Nobody makes a role that is more than they are themselves, nor changes one that is.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from app import audit
from app.accounts import names, roles
from app.accounts.errors import OwnRoles, RoleRefused
from app.accounts.models import Role, RolePermission, UserRole
from app.audit import Actor
from app.db import affected, atomic, db

LONGEST_NAME = 64


@atomic
def create(name: str, permissions: Iterable[str], *, by: Actor) -> Role:
    """Make a role that holds no more than whoever makes it."""
    roles.refuse_without(by, "roles.grant")
    name, chosen = clean_name(name), known(permissions)
    roles.refuse_beyond(by, chosen)
    if roles.find(name):
        raise RoleRefused(_l("There is a role of that name already."))
    role = Role(name=name)
    db.session.add(role)
    db.session.flush()
    write(role, chosen)
    audit.record("role.created", by=by, on=None, role=name, permissions=sorted(chosen))
    return role


@atomic
def change(role: Role, wanted: Iterable[str], *, shown: Iterable[str], by: Actor) -> None:
    """Change what whoever acts changed of the permissions that they were `shown`.

    What was changed meanwhile stands. It acts on everybody who holds the role: whoever does it is
    above the role before and after, and above each of its holders.
    """
    before, wanted, shown = changeable(role, by=by), known(wanted), frozenset(shown)
    chosen = before - (shown - wanted) | (wanted - shown)
    roles.refuse_beyond(by, chosen)
    if chosen == before:
        return
    held_by = sa.select(UserRole.user_id).where(UserRole.role_id == role.id)
    roles.refuse_beyond(by, roles.held_through(UserRole.user_id.in_(held_by)))
    if (
        by.id in set(db.session.scalars(held_by))
        and chosen - before
        and roles.allowed(by) != roles.ALL
    ):
        raise OwnRoles
    write(role, chosen)
    audit.record(
        "role.changed", by=by, on=None, role=role.name, before=sorted(before), after=sorted(chosen)
    )


@atomic
def delete(role: Role, *, by: Actor) -> None:
    """Remove a role that nobody holds any more."""
    changeable(role, by=by)
    if roles.holders(role):
        raise RoleRefused(_l("Somebody holds this role. Take it from everybody first."))
    audit.record("role.deleted", by=by, on=None, role=role.name)
    affected(sa.delete(Role).where(Role.id == role.id))


def changeable(role: Role, *, by: Actor) -> frozenset[str]:
    """Return what a role holds, once it is certain that `by` may change it."""
    roles.refuse_without(by, "roles.grant")
    if role.name == roles.ADMINISTRATOR:
        raise RoleRefused(_l("The administrator’s role stands as it is."))
    roles.refuse_beyond(by, before := roles.permissions_in(role))
    return before


def write(role: Role, permissions: frozenset[str]) -> None:
    affected(sa.delete(RolePermission).where(RolePermission.role_id == role.id))
    db.session.add_all(RolePermission(role_id=role.id, permission=name) for name in permissions)


def known(permissions: Iterable[str]) -> frozenset[str]:
    """Return the permissions as a set, or raise RoleRefused where one is none of ours."""
    if (chosen := frozenset(permissions)) - roles.ALL:
        raise RoleRefused(_l("There is no permission of that name."))
    return chosen


def clean_name(text: str) -> str:
    """Return the name of a role as it is stored, or raise RoleRefused."""
    name = names.name_key(names.tidy(text)) if len(text) <= names.LONGEST_TYPED else ""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise RoleRefused(_l("Enter a name of 64 characters or fewer."))
    return name
