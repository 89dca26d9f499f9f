"""What `flask db plan` says: each pending step, before anything is done; it only looks."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from app.db import blockers
from app.revisions import defaults, readiness, reading, rendered, troubles
from app.schema import rebuild

MOMENT = "a moment"
EXCLUSIVE = "everybody, for a moment: its wait for the lock is short, and tried again"
ANEW_ON_MARIADB = "everybody, for two moments at its end: INPLACE; twice the disk", 2.9

# What an operation lets wait on each engine, and how many seconds a million rows take it.
RECIPES: dict[str, dict[str, tuple[str, float]]] = {
    "create_table": {"": ("nobody; writers of tables that its keys name, for a moment", 0)},
    "drop_table": {"": (EXCLUSIVE, 0)},
    "add_column": {
        "postgresql": (EXCLUSIVE, 0),
        "mariadb": ("nobody: ALGORITHM=INSTANT, LOCK=NONE", 0),
        "sqlite": ("writers, for a moment", 0),
    },
    "drop_column": {
        "postgresql": (EXCLUSIVE + "; with `erase` the table is written anew", 0),
        "mariadb": ("nobody: ALGORITHM=INSTANT; with `erase` the table is written anew", 0),
        "sqlite": ("writers", 1.9),
    },
    "create_index": {
        "postgresql": ("nobody: it is built CONCURRENTLY", 1.9),
        "mariadb": ("nobody: ALGORITHM=NOCOPY, LOCK=NONE", 2.8),
        "sqlite": ("writers, while it is built; readers never", 1.5),
    },
    "drop_index": {"": ("everybody, for a moment", 0)},
    "set_not_null": {
        "postgresql": ("nobody while rows are checked (NOT VALID, VALIDATE), then a moment", 0.3),
        "mariadb": ANEW_ON_MARIADB,
        "sqlite": ("writers, while rows are looked at; only the table's text is edited", 0.1),
    },
    "drop_not_null": {
        "": (EXCLUSIVE, 0),
        "mariadb": ANEW_ON_MARIADB,
        "sqlite": ("writers, for a moment: only the table's text is edited", 0),
    },
    "add_foreign_key": {
        "postgresql": ("writers of both tables for a moment, nobody while it is validated", 0.4),
        "mariadb": ("nobody: INSTANT, rows checked before and after", 0.1),
        "sqlite": ("writers, while rows are looked at; only the table's text is edited", 0.1),
    },
    "create_staleness_trigger": {"": ("writers, for a moment", 0)},
    "run": {
        "postgresql": ("whoever wants the same row, for 20 ms", 8.1),
        "mariadb": ("whoever wants the same row, for 20 ms", 5.2),
        "sqlite": ("writers, for 3 ms, with pauses thrice as long", 3.9),
    },
}
RECIPES["widen"] = RECIPES["drop_not_null"] | {"mariadb": RECIPES["add_column"]["mariadb"]}
RECIPES["create_unique_index"] = RECIPES["create_index"]
RECIPES["drop_foreign_key"] = RECIPES["drop_not_null"] | {"mariadb": (EXCLUSIVE, 0)}
for trigger in ("drop_staleness_trigger", "keep_in_step", "end_step"):
    RECIPES[trigger] = RECIPES["create_staleness_trigger"]
KEYS = {"add_foreign_key", "drop_foreign_key"}
SECOND = KEYS | {"create_index", "create_unique_index", "drop_index"}
# On SQLite their table's text alone is edited, where the library lets itself be told so.
EDITED = KEYS | {"set_not_null", "drop_not_null", "widen"}

# Rows and bytes as the engine's catalogue has them: near enough, and read without a scan.
SIZES = {
    "postgresql": "SELECT relname, GREATEST(reltuples, 0), pg_total_relation_size(oid) "
    "FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)",
    "mariadb": "SELECT table_name, table_rows, data_length + index_length "
    "FROM information_schema.tables WHERE table_schema = DATABASE()",
}


def facts(connection: sa.Connection, script: ScriptDirectory) -> dict[str, Any]:
    """Return the pending steps, and who would make them wait now."""
    version = readiness.version(connection)
    if trouble := troubles.of_the_story(script, (version,) if version else ()):
        raise CommandError(trouble)
    pending = reading.pending(script, version)
    sizes = sizes_of(connection)
    return {
        "steps": [step(revision, connection, sizes) for revision in pending],
        "blockers": blockers.blockers(connection),
    }


def step(revision: Script, connection: sa.Connection, sizes: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of one step: what it does, for how long, and to how much."""
    stage, dialect = revision.module.stage, connection.dialect.name
    sql = rendered.statements(revision, connection.dialect)
    anew = [each.line for each in sql if defaults.differ(each.sql)]
    actions = [
        action(call, revision, dialect, sizes)
        | ({"waits": defaults.ANEW[dialect]} if call.line in anew else {})
        for call in reading.calls(revision)
        if call.name in RECIPES and call.owner in {"ddl", "op", "work"}
    ]
    tables = {each["table"] for each in actions}
    return {
        "revision": revision.revision,
        "what": revision.doc,
        "stage": stage,
        "sql": [each.sql for each in sql],
        "actions": actions,
        "rows": sum(sizes.get(table, (0, 0))[0] for table in tables),
        "mb": round(max([sizes.get(table, (0, 0))[1] for table in tables], default=0) / 1e6, 1),
        "safe_while_the_running_release_runs": stage != "contract" and not anew,
        "written_anew": sorted(written_anew(revision, connection)) if dialect == "sqlite" else [],
        "breaks": list(breaks(revision)) if stage == "contract" else [],
        "no_way_back": getattr(revision.module, "irreversible", None),
    }


def action(
    call: reading.Call, revision: Script, dialect: str, sizes: dict[str, Any]
) -> dict[str, Any]:
    if call.name == "run":
        table = revision.module.work.table.name
    else:
        table = table_of(call)
    recipe = RECIPES[call.name]
    waits, seconds = recipe.get(dialect) or recipe[""]
    millions = sizes.get(table, (0, 0))[0] / 1e6
    return {
        "operation": call.name,
        "table": table,
        "waits": waits,
        "seconds": round(seconds * millions, 1),
    }


def table_of(call: reading.Call) -> str:
    given = call.arguments[1:] if call.name in SECOND else call.arguments
    return str(given[0]) if given else "a table"


def written_anew(revision: Script, connection: sa.Connection) -> set[str]:
    """Return the tables that SQLite has to write anew for this step."""
    inspector, closed = sa.inspect(connection), is_closed(connection)
    found = set()
    for call in reading.calls(revision):
        if call.name == "adopt_table":
            anew = not rebuild.counts(connection, table_of(call))
        elif call.name == "drop_column" and inspector.has_table(table_of(call)):
            keys = [key for key in inspector.get_foreign_keys(table_of(call)) if key["name"]]
            anew = closed and any(call.arguments[1] in key["constrained_columns"] for key in keys)
        else:
            names_key = call.name == "add_column" and names_a_key(call)
            anew = closed and (call.name in EDITED or names_key)
        if anew:
            found.add(table_of(call))
    return found


def is_closed(connection: sa.Connection) -> bool:
    """Whether this SQLite defends its catalogue, so that no text of a table is edited in place."""
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    closed = not connection.exec_driver_sql("PRAGMA writable_schema").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    return closed


def names_a_key(call: reading.Call) -> bool:
    parts = [
        part for each in call.arguments if isinstance(each, ast.AST) for part in ast.walk(each)
    ]
    return any(getattr(part, "attr", "") == "ForeignKey" for part in parts)


BREAKS = {
    "drop_table": "every statement on {}",
    "drop_column": "every statement that names {}.{}",
    "set_not_null": "INSERT and UPDATE that leave {}.{} empty",
}


def breaks(revision: Script) -> Iterator[str]:
    """Yield which statements of the release before fail from here on."""
    for call in reading.calls(revision):
        if call.name in {"create_index", "create_unique_index"}:
            unique = call.name == "create_unique_index" or call.options.get("unique") is True
            if unique:
                what = [f"{call.arguments[1]}.{name}" for name in columns_in(call)]
                yield f"INSERT and UPDATE that give {', '.join(what)} what another row has"
        elif call.name == "add_foreign_key":
            yield f"INSERT and UPDATE of {call.arguments[1]} that point at no row"
        elif call.name in BREAKS:
            yield BREAKS[call.name].format(*call.arguments)


def columns_in(call: reading.Call) -> list[str]:
    return next((each for each in call.arguments[2:] if isinstance(each, list)), ["columns"])


def sizes_of(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Return rows and bytes of each table."""
    if query := SIZES.get(connection.dialect.name):
        known = connection.exec_driver_sql(query)
        return {name: (int(count or 0), int(size or 0)) for name, count, size in known}
    found: dict[str, tuple[int, int]] = {}
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
    size = connection.exec_driver_sql("PRAGMA page_size").scalar() or 0
    for table in sa.inspect(connection).get_table_names():
        # SQLite knows no table's size without a scan: this is the whole file's.
        found[table] = (rows_on_sqlite(connection, table), pages * size)
    return found


def rows_on_sqlite(connection: sa.Connection, table: str) -> int:
    """Return about how many rows there are: the last rowid is at hand, and no catalogue counts.

    A table WITHOUT ROWID is counted, and so is one that calls a column of words so; of a virtual
    one whose module is not loaded here, nothing can be known.
    """
    newest: sa.ColumnElement[int] = sa.func.max(sa.literal_column("rowid"))
    for number in (newest, sa.func.count()):
        with suppress(OperationalError):
            found = connection.scalar(sa.select(number).select_from(sa.table(table)))
            if found is None or isinstance(found, int):
                return found or 0
    return 0


def lines(facts: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    if not facts["steps"]:
        return ["Nothing is pending."]
    said = []
    for step in facts["steps"]:
        safe = "yes" if step["safe_while_the_running_release_runs"] else "no"
        said += [f"{step['revision']} {step['what']}"]
        said += [f"  safe while the running release runs: {safe}"]
        said += [f"  touches {step['rows']} rows, {step['mb']} MB"]
        for each in step["actions"]:
            took = f"about {each['seconds']} s" if each["seconds"] else MOMENT
            name = f"{each['operation']} {each['table']}"
            said += [f"  {name}: {took}; who waits: {each['waits']}"]
        for table in step["written_anew"]:
            said += [f"  WRITES {table} ANEW: whoever writes waits, and the disk holds it twice"]
        said += [f"  breaks, of the release before: {each}" for each in step["breaks"]]
        if step["no_way_back"]:
            said += [f"  NO WAY BACK: {step['no_way_back']} go for ever"]
        said += [f"    {line}" for part in step["sql"] for line in part.splitlines()]
    return said + [f"In the way now: {each}" for each in facts["blockers"]]
