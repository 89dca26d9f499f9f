"""Triggers for the time in which two releases write, and one does not know the other's column."""

import sqlalchemy as sa
from alembic import op

from app.schema import backfill, engine

# Writes a value into a column when a release that does not know it writes its source alone.
FOLLOW = {
    "sqlite": "CREATE TRIGGER {trigger} AFTER UPDATE OF {source} ON {table} "
    "WHEN NEW.{source} IS NOT OLD.{source} AND NEW.{derived} IS OLD.{derived} "
    "BEGIN UPDATE {table} SET {derived} = {value} WHERE rowid = NEW.rowid; END",
    # Of an INSERT, OLD is NULL: what is empty follows there too.
    "postgresql": "CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN IF NEW.{source} IS DISTINCT FROM OLD.{source} AND NEW.{derived} IS NOT DISTINCT "
    "FROM OLD.{derived} THEN NEW.{derived} := {value}; END IF; RETURN NEW; END'; "
    "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION {trigger}()",
    "mariadb": "CREATE OR REPLACE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW "
    "SET NEW.{derived} = IF(NOT NEW.{source} <=> OLD.{source} "
    "AND NEW.{derived} <=> OLD.{derived}, {value}, NEW.{derived})",
}
INSERTED = {
    "sqlite": "CREATE TRIGGER {trigger} AFTER INSERT ON {table} WHEN (NEW.{source} IS NULL) <> "
    "(NEW.{derived} IS NULL) BEGIN UPDATE {table} SET {source} = COALESCE({source}, {derived}), "
    "{derived} = COALESCE({derived}, {source}) WHERE rowid = NEW.rowid; END",
    "mariadb": "CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT ON {table} FOR EACH ROW "
    "SET NEW.{source} = COALESCE(NEW.{source}, NEW.{derived}), "
    "NEW.{derived} = COALESCE(NEW.{derived}, NEW.{source})",
}


def create_staleness_trigger(table: str, *, source: str, derived: str) -> None:
    """Empty `derived` whenever a release that does not know it writes `source` alone.

    Otherwise what was derived from the old value would outlive it; a backfill fills it again.
    """
    make(FOLLOW, f"tr_{table}_{derived}", table, "NULL", source=source, derived=derived)


def drop_staleness_trigger(table: str, *, derived: str) -> None:
    """Drop the trigger of `create_staleness_trigger`."""
    # What is derived can be wrong by the time that a downgrade is taken back: see kept.py.
    op.get_context().opts.setdefault("derived", set()).add((table, derived))
    drop(f"tr_{table}_{derived}")


def keep_in_step(table: str, *, old: str, new: str) -> None:
    """Let a column hold the same under two names, whichever of them a release writes, or empties.

    In the rows of before a backfill fills the new one; going down, `carry_back` fills the old.
    """
    for source, derived in (old, new), (new, old):
        value = f"NEW.{engine.quoted(source)}"
        make(FOLLOW, f"tr_{table}_{derived}", table, value, source=source, derived=derived)
    make(INSERTED, f"tr_{table}_{new}_insert", table, "", source=old, derived=new)


def end_step(table: str, *, old: str, new: str) -> None:
    """Let either name of a column hold what it likes again."""
    op.get_context().opts.setdefault("carried", set()).add((table, new))  # the old one has it
    for column in old, new, f"{new}_insert":
        drop(f"tr_{table}_{column}")


def carry_back(table: str, *, old: str, new: str) -> None:
    """Going down, fill a column's old name from its new one, at the pace of a backfill."""
    t = sa.table(table, *map(sa.column, ("id", old, new)))  # backfills go by id too
    due = t.c[old].is_(None) & t.c[new].is_not(None)
    update = sa.update(t).where(due).values({old: t.c[new]})
    if engine.is_script():
        op.execute(update)
    else:
        backfill.write_in_batches(sa.select(t.c.id).where(due).order_by(t.c.id), update, t.c.id)


def make(sql: dict[str, str], name: str, table: str, value: str, **columns: str) -> None:
    if engine.dialect() != "mariadb":  # where it is never missing for a moment
        drop(name)
    words = {"trigger": engine.short(name), "table": table} | columns
    words = {word: engine.quoted(said) for word, said in words.items()}
    if statement := sql.get(engine.dialect()):
        engine.execute(statement.format(value=value, **words))


def drop(name: str) -> None:
    trigger = engine.quoted(engine.short(name))
    if engine.dialect() == "postgresql":
        engine.execute(f"DROP FUNCTION IF EXISTS {trigger}() CASCADE")  # and the trigger
    else:
        engine.execute(f"DROP TRIGGER IF EXISTS {trigger}")
