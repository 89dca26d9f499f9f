"""What somebody may do: permissions are named here, roles that hold them are rows.

The rules stand inside the verbs, under one lock: whoever lost a role a moment ago has no power.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app import audit, clock
from app.accounts import mails
from app.accounts.errors import (
    AccountGone,
    LastAdministrator,
    NotAllowed,
    OutRanked,
    OwnRoles,
    RoleRefused,
)
from app.accounts.models import Role, RolePermission, User, UserRole
from app.audit import Actor
from app.db import affected, atomic, db

PERMISSIONS: dict[str, LazyString] = {
    "users.view": _l("See people and their history"),
    "users.edit": _l("Create people, correct addresses, end sessions, send reset links"),
    "users.deactivate": _l("Deactivate and reactivate people"),
    "users.delete": _l("Delete people"),
    "roles.grant": _l("Grant, take away and change roles"),
    "invitations.send": _l("Send invitations"),
    "audit.view": _l("See the audit trail"),
    "mail.view": _l("See the outbox and try a mail again"),
    "jobs.view": _l("See the jobs"),
    "settings.edit": _l("Change the settings"),
    "system.view": _l("See the state of the system"),
}
ALL = frozenset(PERMISSIONS)
ADMINISTRATOR = "administrator"  # implies every permission, and lists none


class Standing(NamedTuple):
    """A role, what it lets its holders do, and how many there are."""

    role: Role
    permissions: frozenset[str]
    holders: int


# Columns of tables and not of models, and made once: every page of the staff asks for them.
ROLES: Any = Role.__table__
HOLDERS: Any = UserRole.__table__
LISTED: Any = RolePermission.__table__
HELD = (
    sa.select(ROLES.c.name, LISTED.c.permission)
    .join(HOLDERS, HOLDERS.c.role_id == ROLES.c.id)
    .outerjoin(LISTED, LISTED.c.role_id == ROLES.c.id)
)
HELD_BY_PERSON = HELD.where(HOLDERS.c.user_id == sa.bindparam("user_id"))


def permissions_of(user_id: int) -> frozenset[str]:
    """Return what the roles of a person let them do, in one SELECT."""
    return in_all(db.session.execute(HELD_BY_PERSON, {"user_id": user_id}).all())


def allowed(actor: Actor) -> frozenset[str]:
    """Return what whoever acts may do now: nothing where they have been deactivated."""
    if actor.kind in {"operator", "system"}:
        return ALL
    active = sa.select(User.id).where(User.id == actor.id, User.deactivated_at.is_(None))
    return held_through(UserRole.user_id.in_(active))


def permissions_in(role: Role) -> frozenset[str]:
    """Return what a role lets its holders do."""
    listed = sa.select(RolePermission.permission).where(RolePermission.role_id == role.id)
    return meant(role, db.session.scalars(listed))


def meant(role: Role, listed: Iterable[str]) -> frozenset[str]:
    return ALL if role.name == ADMINISTRATOR else ALL & set(listed)


def held_through(which: sa.ColumnElement[bool]) -> frozenset[str]:
    return in_all(db.session.execute(HELD.where(which)).all())


def in_all(rows: Sequence[Any]) -> frozenset[str]:
    """Return what roles and their permissions, one of each to a row, come to together."""
    is_administrator = any(row.name == ADMINISTRATOR for row in rows)
    return ALL if is_administrator else ALL & {row.permission for row in rows}


def all_roles() -> list[Standing]:
    """Return every role by name, in two SELECTs however many there are."""
    listed: dict[int, set[str]] = {}
    for role_id, name in db.session.execute(
        sa.select(RolePermission.role_id, RolePermission.permission)
    ):
        listed.setdefault(role_id, set()).add(name)
    held = sa.select(sa.func.count()).where(UserRole.role_id == Role.id).scalar_subquery()
    rows = db.session.execute(sa.select(Role, held).order_by(Role.name))
    return [Standing(role, meant(role, listed.get(role.id, ())), number) for role, number in rows]


def roles_of(user: User) -> list[str]:
    """Return the names of the roles that somebody holds."""
    held = sa.select(Role.name).join(UserRole).where(UserRole.user_id == user.id)
    return list(db.session.scalars(held.order_by(Role.name)))


def find(name: str) -> Role | None:
    """Return the role with this name; what cannot be shown is no name."""
    named = sa.select(Role).where(Role.name == name)
    return db.session.scalar(named) if name.isprintable() else None


def holders(role: Role) -> int:
    """Return how many people hold a role, deactivated ones too."""
    return db.session.scalar(sa.select(sa.func.count()).where(UserRole.role_id == role.id)) or 0


def there_is_an_administrator() -> bool:
    """Whether anybody who can log in has every permission."""
    return bool(administrators())


def administrators() -> set[int]:
    """Return the ids of two administrators who can log in, or of as many as there are."""
    held = sa.select(User.id).join(UserRole).join(Role).where(Role.name == ADMINISTRATOR)
    able = User.deactivated_at.is_(None) & User.password_hash.is_not(None)
    return set(db.session.scalars(held.where(able).limit(2)))


def lock() -> Role:
    """Let no other verb decide about authority until this one is done; read after it."""
    row = sa.select(Role).where(Role.name == ADMINISTRATOR).with_for_update()
    return db.session.scalars(row).one()


def refuse_without(by: Actor, permission: str) -> None:
    """Raise NotAllowed unless whoever acts has this permission until the verb is done."""
    lock()
    if permission not in allowed(by):
        raise NotAllowed


def refuse_unless_above(by: Actor, user: User) -> None:
    """Raise OutRanked unless whoever acts may do all that this person may.

    The person stays as they are until the verb is done, but for what it does to them. Raises
    AccountGone where there is nobody any more.
    """
    lock()
    hold(user)
    refuse_beyond(by, permissions_of(user.id))


def hold(user: User) -> None:
    """Lock the row of somebody, and read it anew, or raise AccountGone."""
    identity = sa.inspect(user).identity  # asking the row itself fails where it is gone
    if db.session.get(User, identity, with_for_update=True, populate_existing=True) is None:
        raise AccountGone


def refuse_if_last_administrator(user: User) -> None:
    """Raise LastAdministrator where the site would have none without this person."""
    lock()
    if administrators() == {user.id}:
        raise LastAdministrator


def refuse_beyond(by: Actor, permissions: frozenset[str]) -> None:
    """Raise OutRanked where there is one among these that whoever acts does not hold."""
    if not permissions <= allowed(by):
        raise OutRanked


@atomic
def grant(user: User, role_name: str, *, by: Actor, tell: bool = True) -> bool:
    """Give somebody a role; return whether that was new. Nobody gives one to themselves."""
    role = decided(user, role_name, by=by)
    if by.id == user.id:
        raise OwnRoles
    if db.session.get(UserRole, (user.id, role.id)) is not None:
        return False
    give(user, role, by=by)
    if tell:
        mails.staff_acted(user, "roles_changed", None)
    return True


def give(user: User, role: Role, *, by: Actor) -> None:
    """Write down, inside a verb, that somebody holds a role from now on."""
    db.session.add(UserRole(user_id=user.id, role_id=role.id, granted_at=clock.now()))
    audit.record("role.granted", by=by, on=user, role=role.name)


@atomic
def revoke(user: User, role_name: str, *, by: Actor, tell: bool = True) -> bool:
    """Take a role from somebody, at once; return whether they held it."""
    role = decided(user, role_name, by=by)
    held = sa.delete(UserRole).where(UserRole.user_id == user.id, UserRole.role_id == role.id)
    if role.name == ADMINISTRATOR:
        refuse_if_last_administrator(user)
    if not affected(held):
        return False
    audit.record("role.revoked", by=by, on=user, role=role.name)
    if tell:
        mails.staff_acted(user, "roles_changed", None)
    return True


def decided(user: User, role_name: str, *, by: Actor) -> Role:
    """Return the role, once it is certain that `by` may change whether this person holds it."""
    refuse_without(by, "roles.grant")
    refuse_unless_above(by, user)
    if (role := find(role_name)) is None:
        raise RoleRefused(_l("There is no role of that name."))
    refuse_beyond(by, permissions_in(role))
    return role
