"""The words of a revision that `flask db migrate` writes: its docstring, and its declarations.

They run as they are; where somebody has to decide, the docstring says what.
"""

import keyword
import re
import textwrap
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import CommandError

from app.revisions.chain import Chain, Fill

EXPAND = "The release that runs goes on: it need not know of what is new, nor write it."
BACKFILL = """Decide what `values_of` gives to the rows of before: this is only a start.

Safe to stop and run again: batches commit, and only empty rows are touched. What the release
of before writes meanwhile is found by running this once more, with `flask db backfill`."""
RENAME = """From `{source}`, its old name. While the release of before writes that one, a trigger
empties this one, and the next sweep fills it again.

Safe to stop and run again: batches commit, and only empty rows are touched."""
CONTRACT = (
    "Run it once no release runs that needs the old shape: it refuses while rows are left to do."
)
STAY = '"""The values stay: they are as true as before, and the expand takes them along."""'

FILL = """
def values_of(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {{row.id: {{{column!r}: {value}}} for row in rows}}


work = backfill.Backfill(
    table={table}, due={due}, reads={reads!r}, compute=values_of
)
"""
UNIQUE = """
{column}_twice = (
    sa.select({table}.c.{column})
    .where({table}.c.{column}.is_not(None))
    .group_by({table}.c.{column})
    .having(sa.func.count() > 1)
)
checks = [
    stages.Check(
        query=sa.select(sa.func.count()).select_from({column}_twice.subquery()),
        expected=0,
        refusal="Several rows of {table} have the same {column}: make them differ.",
        examples={column}_twice,
    )
]
"""


@dataclass
class Page:
    """What stands in one file beside the operations."""

    stage: str
    title: str
    why: str
    head: str = ""  # before upgrade()
    up: str = ""  # the body of upgrade() and downgrade(), where the operations do not say it
    down: str = ""


def of_fill(fill: Fill, context: AutogenContext) -> Page:
    """Return the page of a backfill of one column."""
    table, column = variable(fill.table), fill.column.name
    key = [each.name for each in context.metadata.tables[fill.table].primary_key]  # type: ignore[union-attr]
    if key != ["id"]:
        raise CommandError(
            f"{fill.table}.{column} has to be filled, and backfills go by `id`, which is not the "
            f"primary key of {fill.table}: let the column be empty, or have a default."
        )
    columns = [sa.Column("id", sa.Integer()), fill.column]
    due = f"{table}.c.{column}.is_(None)"
    if fill.source:
        columns.append(sa.Column(fill.source, fill.column.type))
        due += f" & {table}.c.{fill.source}.is_not(None)"
    reads = [fill.source] if fill.source else []
    words = {"table": table, "due": due, "column": column, "value": fill.value, "reads": reads}
    why = RENAME if fill.source else BACKFILL
    return Page(
        "backfill",
        f"Filling {fill.table}.{column}",
        why.format(value=f"`{fill.value}`", source=fill.source),
        frozen(fill.table, columns, context) + FILL.format(**words),
        up="work.run()",
        down=STAY,
    )


def of_contract(
    table: str, chain: Chain, done: list[str], context: AutogenContext
) -> tuple[Page, list[Any]]:
    """Return the page of a contract of one table, and its operations."""
    operations = [op for op in chain.contract if op.table_name == table]
    unique = [column for name, column in chain.unique if name == table]
    dropped = [op for op in operations if isinstance(op, ops.DropColumnOp)]
    dying = [op.column_name for op in dropped]
    lines = [f"requires_done = {done!r}" if done else "requires_done: list[str] = []"]
    if whole := any(isinstance(op, ops.DropTableOp) for op in operations):
        dying = [table]
    if dying:
        names = dying if whole else [f"{table}.{column}" for column in dying]
        lines += [f"irreversible = {', '.join(names)!r}"]
        lines += [f"would_lose = {would_lose(table, [] if whole else dropped, chain)}"]
    lines += [UNIQUE.format(table=variable(table), column=column) for column in unique]
    columns = [sa.Column(column, sa.String()) for column in unique]
    columns += [op.to_column() for op in dropped]
    for op in dropped:
        if new := chain.new_name.get((table, op.column_name)):
            columns.append(sa.Column(new, op.to_column().type))
    text = frozen(table, columns, context) if dying or unique else ""
    title, why = in_words(table, list(dict.fromkeys(chain.doing[table])))
    return Page("contract", title, why, f"{text}\n" + "\n".join(lines)), operations


def in_words(table: str, doing: list[str]) -> tuple[str, str]:
    """Return the first line of a contract's docstring, and what follows."""
    whole = "; ".join(doing)
    whole = whole[:1].upper() + whole[1:]
    if len(doing) == 1:
        return whole, CONTRACT
    return f"Tightening {table}", textwrap.fill(f"{whole}.", 96) + f"\n\n{CONTRACT}"


def would_lose(table: str, dropped: list[ops.DropColumnOp], chain: Chain) -> str:
    """Return the query that counts the rows whose data is carried nowhere else."""
    name, query = variable(table), "sa.select(sa.func.count()).select_from"
    parts = []
    for op in dropped:
        part = f"{name}.c.{op.column_name}.is_not(None)"
        if new := chain.new_name.get((table, op.column_name)):
            part += f" & {name}.c.{new}.is_(None)"
        parts.append(part)
    if len(parts) > 1:
        parts = [f"({part})" if "&" in part else part for part in parts]
    return f"{query}({name})" + (f".where({' | '.join(parts)})" if parts else "")


def frozen(table: str, columns: list[Any], context: AutogenContext) -> str:
    """Return the table as it is here; the models move on."""
    lines = {
        each.name: f"    sa.column({each.name!r}, {render._repr_type(each.type, context)}),\n"
        for each in columns
    }
    return f"{variable(table)} = sa.table(\n    {table!r},\n{''.join(lines.values())})\n"


TAKEN = {"backfill", "date", "datetime", "ddl", "op", "sa", "stages", "work", "values_of"}


def variable(table: str) -> str:
    name = re.sub(r"\W", "_", table)
    return f"{name}_" if name in TAKEN or keyword.iskeyword(name) else name
