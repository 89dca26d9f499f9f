"""What a revision may not leave behind on SQLite, where a run has foreign keys off."""

from typing import Any

from alembic.runtime.migration import MigrationContext

from app.schema.engine import Refused


def refuse_orphans(*, ctx: MigrationContext, **kwargs: Any) -> None:
    """Before a revision commits on SQLite, check what the engine was told not to."""
    if ctx.as_sql or ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    orphans = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if orphans:
        places = ", ".join(sorted({f"{row[0]} → {row[2]}" for row in orphans}))
        raise Refused(
            f"{len(orphans)} rows would point at nothing ({places}), so this step is not done: "
            "find them with PRAGMA foreign_key_check, mend them and run the command again."
        )
