"""What is let go unasked: claims that nobody confirmed, and accounts that never were anybody's.

Each batch is a short verb of its own. It decides on rows that it has locked: somebody may log in
or confirm an address while this runs.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import sqlalchemy as sa

from app import audit, clock, jobs
from app.accounts import addresses
from app.accounts.models import Origin, User, UserRole
from app.audit import Actor, Named
from app.db import atomic, db

CLAIM_LASTS = timedelta(days=7)
UNSEEN = timedelta(days=90)
EVERY = timedelta(hours=1)
BATCH = 100
MOST_BATCHES = 500  # in one run; the next goes on

WHY_REMOVED = "no address was ever confirmed, and nobody was seen for 90 days"


@jobs.periodic("accounts.drop_claims", every=EVERY)
def drop_claims() -> None:
    in_batches(is_old_claim, drop_batch)


@jobs.periodic("accounts.remove_ghosts", every=EVERY)
def remove_ghosts() -> None:
    in_batches(is_ghost, remove_batch)


def in_batches(which: Callable[[], sa.ColumnElement[bool]], verb: Callable[..., None]) -> None:
    """Run `verb` on the ids of everybody of `which`, by id, some at a time."""
    after = 0
    for _ in range(MOST_BATCHES):
        people = sa.select(User.id).where(User.id > after, which()).order_by(User.id)
        ids = db.session.scalars(people.limit(BATCH)).all()
        if not ids:
            return
        verb(ids, by=Actor.system())
        after = ids[-1]


def is_old_claim() -> sa.ColumnElement[bool]:
    """Whose claim has waited too long, or for nobody knows how long."""
    old = User.claimed_at < clock.now() - CLAIM_LASTS
    return User.pending_email.is_not(None) & (old | User.claimed_at.is_(None))


@atomic
def drop_batch(ids: Sequence[int], *, by: Actor) -> None:
    people = sa.select(User).where(User.id.in_(ids), is_old_claim()).order_by(User.id)
    for user in db.session.scalars(people.with_for_update()).all():
        if user.claimed_at is None:  # written by a release that did not note it
            user.claimed_at = clock.now()
        else:
            addresses.drop_claim(user, by=by)


def is_ghost() -> sa.ColumnElement[bool]:
    """Who registered, never confirmed an address, holds no role, and has not been here for long.

    Whoever is deactivated stays: staff decided on them.
    """
    long_ago = clock.now() - UNSEEN
    return sa.and_(
        User.origin == Origin.REGISTRATION,  # nobody of another origin, or of none, ever
        User.email.is_(None),
        User.deactivated_at.is_(None),
        User.last_seen_at < long_ago,
        User.created_at < long_ago,
        ~sa.exists().where(UserRole.user_id == User.id),
    )


@atomic
def remove_batch(ids: Sequence[int], *, by: Actor) -> None:
    """Delete those who still are ghosts; what belongs to them goes along."""
    people = sa.select(User.id).where(User.id.in_(ids)).order_by(User.id)
    # A role that was granted beside this leaves their rows as they were, so the delete would not
    # look again: what it sees is read once nobody can grant one any more.
    db.session.execute(people.with_for_update()).all()
    gone = db.session.execute(
        sa.delete(User)
        .where(User.id.in_(ids), is_ghost())
        .returning(User.id, User.name)
        .execution_options(synchronize_session=False)
    ).all()
    for row in gone:
        audit.record("user.removed", by=by, on=Named(*row), reason=WHY_REMOVED)
