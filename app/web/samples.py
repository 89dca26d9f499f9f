"""Nobody real: the people, mails and acts that /dev/components shows its lists with."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from app import clock
from app.db.pages import Page
from app.mail import State


def samples() -> dict[str, Any]:
    """Return what the components of the staff's pages need, by the names the gallery has for it."""
    now = clock.now()
    return {
        "people_rows": [
            person(1, "alice", "alice@example.com", last_seen_at=now - timedelta(hours=3)),
            person(2, "bob", None, pending_email="bob@example.com"),
            person(3, None, "carol@example.com", deactivated_at=now),
        ],
        "mail_rows": [
            mail(1, State.SENT, None, ended_at=now),
            mail(2, State.DEFERRED, "450 Try again later", next_try_at=now + timedelta(hours=1)),
            mail(3, State.REFUSED, "550 No such mailbox", ended_at=now),
        ],
        "event_rows": [
            act("user.deactivated", actor_id=1, actor_name="alice", reason="Spam"),
            act("login.failed"),
        ],
        "days": [(now.date() - timedelta(days=ago), ago * 7 % 11) for ago in range(29, -1, -1)],
        "some_page": Page([], "before", "after"),
        "claimant": person(2, "bob", None, pending_email="bob@gmial.com"),
        "someone": person(1, "alice", "alice@example.com", is_active=True),
        "places": [(SimpleNamespace(id=1, ip="192.0.2.1", last_seen_at=now), "Firefox on Linux")],
        **schema(),
    }


def schema() -> dict[str, Any]:
    """Return a change of the database, half done."""
    began = clock.now() - timedelta(minutes=2)
    filling: dict[str, Any] = {"revision": "0002", "table": "user", "state": "running"}
    filling |= {"done": 6200, "total": 10_000, "percent": 62, "seconds_left": 40}
    filling["fares"] = filling["state"]
    run = {"revision": "0001", "stage": "expand", "outcome": "upgraded", "who": "alice@desk"}
    return {
        "steps": [
            {"revision": "0001", "what": "expand", "done": True},
            {"revision": "0002", "what": "backfill", "done": False},
        ],
        "backfill_rows": [filling | {"updated_at": began}],
        "run_rows": [run | {"started_at": began, "seconds": 1.5, "release": "1.2.0"}],
    }


def person(number: int, name: str | None, email: str | None, **facts: Any) -> SimpleNamespace:
    known = {"pending_email": None, "last_seen_at": None, "deactivated_at": None} | facts
    return SimpleNamespace(id=number, name=name, email=email, created_at=clock.now(), **known)


def mail(number: int, state: str, reason: str | None, **moments: Any) -> SimpleNamespace:
    known = {"next_try_at": None, "ended_at": None} | moments
    return SimpleNamespace(
        id=number,
        kind="verify",
        recipient="bob@example.com",
        state=state,
        reason=reason,
        attempts=number,
        created_at=clock.now(),
        **known,
    )


def act(event: str, **facts: Any) -> SimpleNamespace:
    whom = {"subject_id": 2, "subject_name": "bob", "ip": "192.0.2.1"}
    who = {"actor_kind": "visitor", "actor_id": None, "actor_name": None}
    details = json.dumps({name: facts.pop(name) for name in ("reason",) if name in facts})
    known = whom | who | facts
    return SimpleNamespace(at=clock.now(), event=event, details=details, **known)
