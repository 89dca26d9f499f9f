"""How long the longest statement of a sweep takes, on a table of many rows that are half over."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import clock, create_app
from app.accounts import retention
from app.accounts.models import HeldForm, User, UserSession, UserToken
from app.audit import AuditEvent
from app.db import atomic, db
from app.mail import Mail
from app.throttle import Counter
from config import database_url

ROWS = int(os.environ.get("ROWS", "100000"))
FIRST = 1_000_000_000  # the id of the first session: those who logged in have theirs


@atomic
def insert(model: Any, rows: list[dict[str, Any]]) -> None:
    db.session.execute(sa.insert(model), rows)


def filled(user_id: int) -> dict[Any, Callable[[int], dict[str, Any]]]:
    now, old = clock.now(), clock.now() - timedelta(days=400)

    def when(number: int) -> Any:
        return old if number % 2 else now

    common = {"created_at": old}
    return {
        UserSession: lambda n: {
            **common,
            "id": FIRST + n,
            "created_at": when(n),
            "user_id": user_id,
            "digest": f"{n:064}",
            "remembered": True,
            "ip": "",
            "user_agent": "",
            "last_seen_at": when(n),
        },
        HeldForm: lambda n: {  # of the sessions above, which have to be there
            "session_id": FIRST + n,
            "digest": f"{n:064}",
            "sealed": "x" * 500,
            "held_at": when(n),
        },
        UserToken: lambda n: {
            **common,
            "user_id": user_id,
            "purpose": "x",
            "digest": f"{n:064}",
            "code_tries": 0,
            "expires_at": when(n) if n % 2 else now + timedelta(days=1),
        },
        Counter: lambda n: {
            "key": f"bench:{n:064}",
            "used": 1,
            "resets_at": when(n) if n % 2 else now + timedelta(days=1),
        },
        Mail: lambda n: {
            **common,
            "kind": "test",
            "recipient": "",
            "recipient_key": "",
            "language": "en",
            "state": "sent",
            "attempts": 1,
            "expires_at": old,
            "ended_at": when(n),
        },
        AuditEvent: lambda n: {
            "at": when(n),
            "event": "login.failed",
            "actor_kind": "visitor",
            "details": "{}",
        },
    }


SWEEPS = {  # forms first: with its session a form would go as well
    HeldForm: retention.sweep_held_forms,
    UserSession: retention.sweep_sessions,
    UserToken: retention.sweep_tokens,
    Counter: retention.sweep_limits,
    Mail: retention.sweep_mails,
    AuditEvent: retention.sweep_audit,
}


def settle() -> None:
    """Do what a server does of itself over time, or the first sweep meets the work of filling."""
    statements = {"sqlite": ["ANALYZE"], "postgresql": ["VACUUM ANALYZE", "CHECKPOINT"]}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements[connection.dialect.name]:
            connection.exec_driver_sql(statement)


def measure(url: str, table: Callable[..., None], line: Callable[..., str]) -> None:
    table(f"Sweeping {ROWS} rows", ["table", "seconds", "longest ms"])
    app = create_app({"AUDIT_DAYS": 365, "SQLALCHEMY_DATABASE_URI": database_url(url)})
    longest = 0.0
    with app.app_context():
        user_id = db.session.scalars(sa.select(User.id).limit(1)).one()

        def before(connection: Any, *rest: Any) -> None:
            connection.info["since"] = time.perf_counter()

        def after(connection: Any, *rest: Any) -> None:
            nonlocal longest
            longest = max(longest, time.perf_counter() - connection.info["since"])

        for model, row in filled(user_id).items():
            for start in range(0, ROWS, 5000):
                insert(model, [row(number) for number in range(start, start + 5000)])
        settle()
        sa.event.listen(db.engine, "before_cursor_execute", before)
        sa.event.listen(db.engine, "after_cursor_execute", after)
        for model, sweep in SWEEPS.items():
            longest, began = 0.0, time.monotonic()
            sweep()
            took = time.monotonic() - began
            print(line([model.__tablename__, f"{took:.2f}", f"{longest * 1000:.1f}"]), flush=True)
        db.engine.dispose()
