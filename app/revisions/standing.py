"""What differs between a table that is there and its model, and autogenerate does not see.

No operation of ddl changes any of it over rows, so it is refused rather than passed over.
"""

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from app.revisions.refusals import CONSTANT

BY_HAND = "write the revision by hand, from `flask db revision`"
# A string or a number, as it stands in a CHECK; each engine has its own words round it.
LITERAL = re.compile(r"'((?:[^'\\]|'')*)'|\b(\d+(?:\.\d+)?)\b")
CAST = re.compile(r"::[\w\s]+(?:\(\d+\))?$")
# Of these, a default reads alike on each engine; of a date or a document it need not.
COMPARED = (sa.String, sa.Integer, sa.Numeric, sa.Float, sa.Boolean)
TRUTHS = {"true": "1", "false": "0"}


def refuse(context: MigrationContext) -> None:
    """Raise CommandError for what nothing would be written for."""
    assert context.connection is not None
    inspector = sa.inspect(context.connection)
    for sentence in differences(inspector, context.opts["target_metadata"]):
        raise CommandError(sentence)


def differences(inspector: sa.Inspector, models: sa.MetaData) -> Iterator[str]:
    """Yield a sentence for each difference."""
    there = set(inspector.get_table_names())
    for table in models.tables.values():
        if table.name in there:
            yield from of_key(table, inspector)
            yield from of_checks(table, inspector)
            yield from of_defaults(table, inspector)


def of_key(table: sa.Table, inspector: sa.Inspector) -> Iterator[str]:
    stands = inspector.get_pk_constraint(table.name)["constrained_columns"]
    declared = [column.name for column in table.primary_key]
    if set(stands) != set(declared):
        yield (
            f"{table.name} has the primary key {', '.join(stands) or 'none'}, and its model has "
            f"{', '.join(declared)}: a table that people use keeps its key. Let a unique index "
            "say what must differ (unique=True, index=True), or make a new table."
        )


def of_checks(table: sa.Table, inspector: sa.Inspector) -> Iterator[str]:
    found = inspector.get_check_constraints(table.name)
    # MariaDB's own, of each document.
    stands = {e["name"]: e["sqltext"] for e in found if not e["sqltext"].startswith("json_valid(")}
    checks = [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    declared: dict[Any, sa.CheckConstraint] = {each.name: each for each in checks}
    for name in sorted(declared.keys() - stands.keys(), key=str):
        yield (
            f"{table.name} has a CHECK, which nothing here would write ({name}): over rows "
            "MariaDB copies the table for it while writers wait. Let the code check it, or "
            "make it with a new table."
        )
    for name in sorted(stands.keys() - declared.keys(), key=str):
        yield (
            f"{table.name} has a CHECK that is in no model any more ({name}), and nothing here "
            f"would drop it: leave it in the model, with the columns that it names, or {BY_HAND}."
        )
    for name in sorted(stands.keys() & declared.keys(), key=str):
        words = declared[name].sqltext.compile(
            dialect=inspector.dialect, compile_kwargs={"literal_binds": True}
        )
        found_in = LITERAL.findall(unescaped(str(words).replace("%%", "%")))
        there = unescaped(stands[name])
        if new := ["".join(groups) for groups in found_in if "".join(groups) not in there]:
            yield (
                f"{table.name} has a CHECK that changes ({name}: {', '.join(new)}), which nothing "
                "here would write: over rows MariaDB copies the table for it while writers wait. "
                f"Leave it as it is, or {BY_HAND}."
            )


def of_defaults(table: sa.Table, inspector: sa.Inspector) -> Iterator[str]:
    columns = {column.name: column for column in table.c if not column.primary_key}
    for each in inspector.get_columns(table.name):
        column, stands = columns.get(each["name"]), each["default"]
        if column is None or "identity" in each or is_counter(stands):
            continue
        name, default = f"{table.name}.{column.name}", column.server_default
        if (column.computed is not None) != ("computed" in each):
            yield (
                f"{name} is computed by the engine in the database alone, or in the model alone, "
                f"and no engine changes that in place: leave it as it was, or {BY_HAND}."
            )
        if not (default is None or isinstance(default, sa.DefaultClause)) or "computed" in each:
            continue  # something else gives the value
        wanted, there = written(default), plain(stands)
        if (wanted is None) != (there is None):
            does = "loses its" if wanted is None else "gets a"
            yield (
                f"{name} {does} server_default, which nothing here changes over rows: "
                f"{'leave it' if wanted is None else 'say default= in Python'}, or {BY_HAND}."
            )
        elif wanted and there and isinstance(column.type, COMPARED) and differ(wanted, there):
            yield (
                f"{name} changes its server_default from {there} to {wanted}, which nothing here "
                f"would write: leave it and say default= in Python, or {BY_HAND}."
            )


def is_counter(default: str | None) -> bool:
    return default is not None and default.startswith("nextval(")


def plain(sql: str | None) -> str | None:
    """Return a default as the engine has it without what only its own words say."""
    if sql is None:
        return None
    sql = CAST.sub("", unescaped(sql).strip())
    while sql.startswith("(") and sql.endswith(")"):
        sql = CAST.sub("", sql[1:-1].strip())
    return None if sql.upper() == "NULL" else sql


def unescaped(sql: str) -> str:
    """Return it with each quote in a string as a pair, which MariaDB writes otherwise."""
    return sql.replace("\\'", "''")


def written(default: sa.DefaultClause | None) -> str | None:
    """Return a default of a model as an engine may have it."""
    if default is None:
        return None
    if isinstance(default.arg, str):
        return "'" + default.arg.replace("'", "''") + "'"
    return plain(str(default.arg))


def differ(one: str, other: str) -> bool:
    """Whether both are constants, and not the same."""
    if not (CONSTANT.fullmatch(one) and CONSTANT.fullmatch(other)) or "\\" in one + other:
        return False
    first, second = (TRUTHS.get(each.lower().strip("'"), each.strip("'")) for each in (one, other))
    try:
        return float(first) != float(second)
    except ValueError:
        return first != second
