"""Finding people: pages by key, never by number, and only the columns that are shown."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.accounts import authentication, names
from app.accounts.models import DailyCount, Role, User, UserRole
from app.db import db, pages
from app.db.pages import Rows, Run

# Columns of tables and not of models: a list shows rows, and as such they come in half the time.
PEOPLE: Any = User.__table__
ROLES: Any = Role.__table__
HOLDERS: Any = UserRole.__table__
FIGURES: Any = DailyCount.__table__
SHOWN = tuple(PEOPLE.c["id", "name", "email", "pending_email", "created_at"])
IN_LIST = (*SHOWN, PEOPLE.c.last_seen_at, PEOPLE.c.deactivated_at)
LARGEST_ID = 2**31 - 1  # user.id is a 32-bit integer on PostgreSQL and MariaDB
LAST = "\U0010ffff"  # no character comes after it: where the range of a prefix ends
EXACT = 10_000  # up to here a total is counted for the page; beyond, the worker's figure will do

HAS_ADDRESS, HAS_CLAIM = PEOPLE.c.email_key.is_not(None), PEOPLE.c.pending_email.is_not(None)
IS_ACTIVE = PEOPLE.c.deactivated_at.is_(None)
STATUSES: dict[str, tuple[sa.ColumnElement[bool], ...]] = {
    "active": (IS_ACTIVE, HAS_ADDRESS),
    "unconfirmed": (IS_ACTIVE, ~HAS_ADDRESS, HAS_CLAIM),
    "no-address": (IS_ACTIVE, ~HAS_ADDRESS, ~HAS_CLAIM),
    "deactivated": (~IS_ACTIVE,),
}


def status_of(person: Any) -> str:
    """Return in which of STATUSES somebody is, read from their row."""
    if person.deactivated_at:
        return "deactivated"
    if person.email:
        return "active"
    return "unconfirmed" if person.pending_email else "no-address"


NEWEST = "newest"
SORTS = {
    NEWEST: [Run(PEOPLE.c.id, descending=True)],
    "oldest": [Run(PEOPLE.c.id)],
    # The tutorial's people whose key an older account has, and those without a name, come last.
    "name": [
        Run(PEOPLE.c.name_key, where=PEOPLE.c.name_key.is_not(None)),
        Run(PEOPLE.c.id, where=PEOPLE.c.name_key.is_(None)),
    ],
}


class Page(NamedTuple):
    """People, the cursors of the pages beside them, and how many there are over all pages.

    `total` is exact below EXACT; above, it is about that many, or more than EXACT if it is that.
    """

    rows: Sequence[Any]
    previous: str | None
    next: str | None
    total: int


def search(
    *, q: str = "", status: str = "", role: str = "", sort: str = NEWEST, cursor: str | None = None
) -> Page:
    """Return one page of the people whose id is `q`, or whose name or address begins with it.

    An address that they only claim counts too. A status, a sort or a cursor that there is none of
    counts as not given.
    """
    status, sort = status if status in STATUSES else "", sort if sort in SORTS else NEWEST
    keys = keys_of(q) if q.strip() else {}
    is_broad = bool(keys) and not (status or role) and leads_to_many(keys)
    people = chosen(EXACT, status, bool(role), bool(keys), "id" in keys, is_broad, sort == "name")
    found = pages.page(people, SORTS[sort], cursor, values={**keys, "role": storable(role)})
    return Page(*found, total=found.rows[0].total if found.rows else 0)


def keys_of(q: str) -> dict[str, Any]:
    """Return what is compared to find whom `q` means: from where to where, and an id if it is."""
    q = storable(q[: names.LONGEST_TYPED])
    name, address = names.name_key(names.tidy(q)), names.address_key(q.strip())
    keys: dict[str, Any] = {"name": name, "last_name": name + LAST}
    keys |= {"address": address, "last_address": address + LAST}
    return keys | ({"id": int(q)} if is_id(q.strip()) else {})


def storable(text: str) -> str:
    return text.replace("\0", "\ufffd")  # NUL cannot be stored, nor looked up


def leads_to_many(keys: dict[str, Any]) -> bool:
    """Whether one of the ways alone leads to more people than are counted."""
    return bool(db.session.scalar(broad(EXACT), keys))


# The statements are made once for each kind of list: making them took longer than running them.


@functools.cache
def chosen(
    exact: int, status: str, by_role: bool, by_key: bool, by_id: bool, is_broad: bool, by_name: bool
) -> Rows:
    """Return what asks for the people of a list, each with the total of all."""
    is_filtered, ways = bool(status or by_role), ways_of(by_id) if by_key else []
    people = filtered(sa.select(*IN_LIST), status, by_role)
    ids = filtered(sa.select(PEOPLE.c.id), status, by_role)
    if is_broad:
        total: sa.ColumnElement[int] = sa.literal(exact + 1)
        people = among(people, ways) if by_name else walked(people, ways)
    elif ways:
        total = counted(among(ids, ways) if is_filtered else matching(ways), exact)
        people = among(people, ways)
    else:
        total = counted(ids, exact) if is_filtered else number_of_all(exact)
    return people.add_columns(total.label("total"))


def filtered(query: Rows, status: str, by_role: bool) -> Rows:
    query = query.where(*STATUSES.get(status, ()))
    if by_role:
        holders = sa.select(HOLDERS.c.user_id).join(ROLES, ROLES.c.id == HOLDERS.c.role_id)
        holders = holders.where(ROLES.c.name == sa.bindparam("role"))
        query = query.where(PEOPLE.c.id.in_(holders))
    return query


class Way(NamedTuple):
    """How somebody may be meant: a column, from where to where, and what else must hold."""

    column: Any
    first: Any
    last: Any
    where: tuple[sa.ColumnElement[bool], ...] = ()


def ways_of(by_id: bool) -> list[Way]:
    """Return the ways to whom some keys mean, which are parameters here."""
    keys: Any = map(sa.bindparam, ("name", "last_name", "address", "last_address", "id"))
    name, last_name, address, last_address, id_ = keys
    ways = [
        Way(PEOPLE.c.name_key, name, last_name),
        Way(PEOPLE.c.email_key, address, last_address),
        # A release that settled claims left their keys.
        Way(PEOPLE.c.pending_email_key, address, last_address, (HAS_CLAIM,)),
    ]
    return [*ways, Way(PEOPLE.c.id, id_, id_)] if by_id else ways


def ids_of(way: Way) -> Rows:
    return sa.select(PEOPLE.c.id).where(way.column.between(way.first, way.last), *way.where)


def matching(ways: Sequence[Way]) -> sa.CompoundSelect[Any]:
    """Return the ids of those who are meant, each way by an index of its own."""
    return sa.union(*map(ids_of, ways))


def among(query: Rows, ways: Sequence[Way]) -> Rows:
    # A derived table: with OR, or with IN, an engine may walk through everybody instead.
    matches = matching(ways).subquery()
    return query.join(matches, matches.c.id == PEOPLE.c.id)


def walked(query: Rows, ways: Sequence[Way]) -> Rows:
    """Keep whom the ways mean, looking at one person after the other.

    They are many, so a page is soon full; sorting all of them would take far longer. What is
    compared is not a column, or an engine would gather them by the indexes and sort them.
    """
    return query.where(
        sa.or_(
            *(
                sa.and_(way.column + 0 == way.first, *way.where)
                if way.column is PEOPLE.c.id
                else sa.and_(way.column.concat("").between(way.first, way.last), *way.where)
                for way in ways
            )
        )
    )


def counted(ids: Rows | sa.CompoundSelect[Any], exact: int) -> sa.ColumnElement[int]:
    """Return how many that is, as a column: counted up to `exact` and one more, and no further."""
    some = ids.limit(exact + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def number_of_all(exact: int) -> sa.ColumnElement[int]:
    """Return the worker's figure of how many people there are, if that is beyond counting."""
    of_people = sa.select(FIGURES.c.value).where(FIGURES.c.name == "people")
    figure = of_people.order_by(FIGURES.c.day.desc()).limit(1).scalar_subquery()
    return sa.case((figure > exact, figure), else_=counted(sa.select(PEOPLE.c.id), exact))


@functools.cache
def broad(exact: int) -> sa.Select[bool]:
    """Return what asks whether one of these keys alone leads to more people than that."""
    by_name, by_address, by_claim = (counted(ids_of(way), exact) > exact for way in ways_of(False))
    # With OR, SQLite counts all even if the first will do.
    return sa.select(sa.case((by_name, sa.true()), (by_address, sa.true()), else_=by_claim))


ROLES_AMONG = (
    sa.select(ROLES.c.name, HOLDERS.c.user_id)
    .outerjoin(
        HOLDERS,
        sa.and_(
            HOLDERS.c.role_id == ROLES.c.id,
            HOLDERS.c.user_id.in_(sa.bindparam("ids", expanding=True)),
        ),
    )
    .order_by(ROLES.c.name)
)


def roles_among(people: Sequence[Any]) -> tuple[list[str], dict[int, list[str]]]:
    """Return the names of all roles, and those that each of `people` holds, in one SELECT."""
    found = db.session.execute(ROLES_AMONG, {"ids": [person.id for person in people]}).all()
    held_by: dict[int, list[str]] = {}
    for name, user_id in found:
        held_by.setdefault(user_id, []).append(name)
    return list(dict.fromkeys(name for name, _ in found)), held_by


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= LARGEST_ID


def newest(limit: int) -> Sequence[Any]:
    """Return those who came last, the newest first."""
    people = sa.select(*IN_LIST).order_by(PEOPLE.c.id.desc()).limit(limit)
    return db.session.execute(people).all()


def with_id(user_id: int) -> User | None:
    """Return the person with this id; a number that is no id on some engine has nobody."""
    return db.session.get(User, user_id) if user_id <= LARGEST_ID else None


def page(*, after: int = 0, limit: int) -> Sequence[Any]:
    """Return up to `limit` people with an id above `after`, by id."""
    people = sa.select(*SHOWN).where(PEOPLE.c.id > after).order_by(PEOPLE.c.id).limit(limit)
    return db.session.execute(people).all()


def find(text: str) -> User | None:
    """Return the person with this id, or else with this name or confirmed address."""
    if len(text) > names.LONGEST_TYPED or not text.isprintable():
        return None
    user = with_id(int(text)) if is_id(text) else None
    return user or authentication.find(text)
