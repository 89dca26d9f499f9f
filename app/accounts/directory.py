"""Finding people: pages by key, never by number, and only the columns that are shown."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.accounts import authentication, names
from app.accounts.models import DailyCount, Role, User, UserRole
from app.db import db, pages
from app.db.pages import Rows, Run

SHOWN = (User.id, User.name, User.email, User.pending_email, User.created_at)
IN_LIST = (*SHOWN, User.last_seen_at, User.deactivated_at)
LARGEST_ID = 2**31 - 1  # user.id is a 32-bit integer on PostgreSQL and MariaDB
LAST = "\U0010ffff"  # no character comes after it: where the range of a prefix ends
EXACT = 10_000  # up to here a total is counted for the page; beyond, the worker's figure will do

HAS_ADDRESS, HAS_CLAIM = User.email_key.is_not(None), User.pending_email.is_not(None)
IS_ACTIVE = User.deactivated_at.is_(None)
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
    NEWEST: [Run(User.id, descending=True)],
    "oldest": [Run(User.id)],
    # The tutorial's people whose key an older account has, and those without a name, come last.
    "name": [
        Run(User.name_key, where=User.name_key.is_not(None)),
        Run(User.id, where=User.name_key.is_(None)),
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
    is_filtered, ways = bool(role or status in STATUSES), ways_of(q) if q.strip() else []
    people = filtered(sa.select(*IN_LIST), status, role)
    chosen = filtered(sa.select(User.id), status, role)
    if ways and not is_filtered and is_broad(ways):
        total: sa.ColumnElement[int] = sa.literal(EXACT + 1)
        people = walked(people, ways) if sort != "name" else among(people, ways)
    elif ways:
        total = counted(among(chosen, ways) if is_filtered else matching(ways))
        people = among(people, ways)
    else:
        total = counted(chosen) if is_filtered else number_of_all(EXACT)
    people = people.add_columns(total.label("total"))
    found = pages.page(people, SORTS.get(sort, SORTS[NEWEST]), cursor)
    return Page(*found, total=found.rows[0].total if found.rows else 0)


def filtered(query: Rows, status: str, role: str) -> Rows:
    query = query.where(*STATUSES.get(status, ()))
    if role:
        holders = sa.select(UserRole.user_id).join(Role, Role.id == UserRole.role_id)
        role = role.replace("\0", "\ufffd")  # NUL cannot be stored, nor looked up
        query = query.where(User.id.in_(holders.where(Role.name == role)))
    return query


class Way(NamedTuple):
    """How somebody may be meant: a column, from where to where, and what else must hold."""

    column: Any
    first: Any
    last: Any
    where: tuple[sa.ColumnElement[bool], ...] = ()


def ways_of(q: str) -> list[Way]:
    q = q[: names.LONGEST_TYPED].replace("\0", "\ufffd")  # NUL cannot be stored, nor looked up
    name, address = names.name_key(names.tidy(q)), names.address_key(q.strip())
    ways = [
        Way(User.name_key, name, name + LAST),
        Way(User.email_key, address, address + LAST),
        # A release that settled claims left their keys.
        Way(User.pending_email_key, address, address + LAST, (HAS_CLAIM,)),
    ]
    if is_id(q.strip()):
        ways.append(Way(User.id, int(q), int(q)))
    return ways


def ids_of(way: Way) -> Rows:
    return sa.select(User.id).where(way.column.between(way.first, way.last), *way.where)


def matching(ways: Sequence[Way]) -> sa.CompoundSelect[Any]:
    """Return the ids of those who are meant, each way by an index of its own."""
    return sa.union(*map(ids_of, ways))


def among(query: Rows, ways: Sequence[Way]) -> Rows:
    # A derived table: with OR, or with IN, an engine may walk through everybody instead.
    matches = matching(ways).subquery()
    return query.join(matches, matches.c.id == User.id)


def is_broad(ways: Sequence[Way]) -> bool:
    """Whether one of the ways alone leads to more people than are counted."""
    name, address, *_ = ways  # the rest are a claim of the same address, and one person's id
    keys = {"name": name.first, "last_name": name.last}
    keys |= {"address": address.first, "last_address": address.last}
    return bool(db.session.scalar(broad(EXACT), keys))


def walked(query: Rows, ways: Sequence[Way]) -> Rows:
    """Keep whom the ways mean, looking at one person after the other.

    They are many, so a page is soon full; sorting all of them would take far longer. What is
    compared is not a column, or an engine would gather them by the indexes and sort them.
    """
    return query.where(
        sa.or_(
            *(
                sa.and_(User.id + 0 == way.first, *way.where)
                if way.column is User.id
                else sa.and_(way.column.concat("").between(way.first, way.last), *way.where)
                for way in ways
            )
        )
    )


def counted(chosen: Rows | sa.CompoundSelect[Any]) -> sa.ColumnElement[int]:
    """Return how many that is, as a column: counted up to EXACT and one more, and no further."""
    some = chosen.limit(EXACT + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


# Three statements are made once: a list runs them, and making them took longer than running them.


@functools.cache
def number_of_all(exact: int) -> sa.ColumnElement[int]:
    """Return the worker's figure of how many people there are, if that is beyond counting."""
    figure = (
        sa.select(DailyCount.value)
        .where(DailyCount.name == "people")
        .order_by(DailyCount.day.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.case((figure > exact, figure), else_=counted(sa.select(User.id)))


@functools.cache
def broad(exact: int) -> sa.Select[bool]:
    """Return what asks whether one of these keys alone leads to more people than that."""
    keys: Any = map(sa.bindparam, ("name", "last_name", "address", "last_address"))
    name, last_name, address, last_address = keys
    ways = [
        Way(User.name_key, name, last_name),
        Way(User.email_key, address, last_address),
        Way(User.pending_email_key, address, last_address, (HAS_CLAIM,)),
    ]
    by_name, by_address, by_claim = (counted(ids_of(way)) > exact for way in ways)
    # With OR, SQLite counts all even if the first will do.
    return sa.select(sa.case((by_name, sa.true()), (by_address, sa.true()), else_=by_claim))


ROLES_AMONG = (
    sa.select(Role.name, UserRole.user_id)
    .outerjoin(
        UserRole,
        sa.and_(
            UserRole.role_id == Role.id,
            UserRole.user_id.in_(sa.bindparam("ids", expanding=True)),
        ),
    )
    .order_by(Role.name)
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
    people = sa.select(*IN_LIST).order_by(User.id.desc()).limit(limit)
    return db.session.execute(people).all()


def with_id(user_id: int) -> User | None:
    """Return the person with this id; a number that is no id on some engine has nobody."""
    return db.session.get(User, user_id) if user_id <= LARGEST_ID else None


def page(*, after: int = 0, limit: int) -> Sequence[Any]:
    """Return up to `limit` people with an id above `after`, by id."""
    people = sa.select(*SHOWN).where(User.id > after).order_by(User.id).limit(limit)
    return db.session.execute(people).all()


def find(text: str) -> User | None:
    """Return the person with this id, or else with this name or confirmed address."""
    if len(text) > names.LONGEST_TYPED or not text.isprintable():
        return None
    user = with_id(int(text)) if is_id(text) else None
    return user or authentication.find(text)
