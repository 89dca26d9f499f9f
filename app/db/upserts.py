"""A row that is written whether it is there already or not, in one statement on each engine."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

Change = Callable[[Any], list[tuple[str, Any]]]


def upsert(engine: str, model: Any, rows: Any, change: Change) -> sa.Insert:
    """Return what inserts `rows`, and changes each whose primary key is there already.

    `change` is given the new row, and returns columns with what they become; MariaDB assigns them
    in that order, and sees in the later ones what became of the ones before.
    """
    key = [column.name for column in sa.inspect(model).primary_key]
    match engine:
        case "postgresql":
            on_postgresql = postgresql.insert(model).values(rows)
            changed = dict(change(on_postgresql.excluded))
            return on_postgresql.on_conflict_do_update(index_elements=key, set_=changed)
        case "sqlite":
            on_sqlite = sqlite.insert(model).values(rows)
            changed = dict(change(on_sqlite.excluded))
            return on_sqlite.on_conflict_do_update(index_elements=key, set_=changed)
        case _:
            on_mariadb = mysql.insert(model).values(rows)
            return on_mariadb.on_duplicate_key_update(change(on_mariadb.inserted))
