"""Triggers that keep a derived column honest while a release writes that does not know it."""

from alembic import op

from app.schema.engine import dialect, quoted


def create_staleness_trigger(table: str, *, source: str, derived: str) -> None:
    """Empty `derived` whenever a release that does not know it writes `source` alone.

    Otherwise what was derived from the old value would outlive it; a backfill fills it again.
    """
    drop_staleness_trigger(table, derived=derived)
    words = {"trigger": f"tr_{table}_{derived}", "table": table, "source": source}
    words = {word: quoted(name) for word, name in (words | {"derived": derived}).items()}
    for statement in STALENESS[dialect()]:
        op.execute(statement.format(**words))


def drop_staleness_trigger(table: str, *, derived: str) -> None:
    """Drop the trigger of `create_staleness_trigger`."""
    # What is derived can be wrong by the time that a downgrade is taken back: see kept.py.
    op.get_context().opts.setdefault("derived", set()).add((table, derived))
    trigger = quoted(f"tr_{table}_{derived}")
    if dialect() == "postgresql":
        op.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {quoted(table)}")
        op.execute(f"DROP FUNCTION IF EXISTS {trigger}()")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}")


STALENESS = {
    "sqlite": [
        "CREATE TRIGGER {trigger} AFTER UPDATE OF {source} ON {table} "
        "WHEN NEW.{source} IS NOT OLD.{source} AND NEW.{derived} IS OLD.{derived} "
        "BEGIN UPDATE {table} SET {derived} = NULL WHERE rowid = NEW.rowid; END"
    ],
    "postgresql": [
        "CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.{derived} := NULL; RETURN NEW; END'",
        "CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW "
        "WHEN (NEW.{source} IS DISTINCT FROM OLD.{source} "
        "AND NEW.{derived} IS NOT DISTINCT FROM OLD.{derived}) EXECUTE FUNCTION {trigger}()",
    ],
    "mariadb": [
        "CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.{derived} = "
        "IF(NOT NEW.{source} <=> OLD.{source} AND NEW.{derived} <=> OLD.{derived}, "
        "NULL, NEW.{derived})"
    ],
}
