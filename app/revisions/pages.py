"""The words of a revision that `flask db migrate` writes: its docstring, and its declarations.

They run as they are; where somebody has to decide, the docstring says what.
"""

import textwrap
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import CommandError

from app.revisions import names, spelling
from app.revisions.chain import Chain, Fill

EXPAND = "The release that runs goes on: it need not know of what is new, nor write it."
BACKFILL = """Decide what `values_of` gives to the rows of before: this is only a start.

Safe to stop and run again: batches commit, and only empty rows are touched. What the release
of before writes meanwhile is found by running this once more, with `flask db backfill`."""
RENAME = """From `{source}`, its old name. Run it before the release that reads the new one is
rolled out: from the expand on, triggers keep both in step, whichever of them a release writes.

Safe to stop and run again: batches commit, and only empty rows are touched."""
CONTRACT = (
    "Run it once no release runs that needs the old shape: it refuses while rows are left to do."
)
STAY = '"""The values stay: they are as true as before, and the expand takes them along."""'

LONGEST = 90  # of a title, with its stage

FILL = """
def values_of(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {{row.id: {{{column!r}: {value}}} for row in rows}}


work = backfill.Backfill(
    table={table}, due={due}, reads={reads!r}, compute=values_of
)
"""
TWICE = """
{query} = (
    sa.select({column})
    .where({column}.is_not(None))
    .group_by({column})
    .having(sa.func.count() > 1)
)
"""
CHECK = """
    stages.Check(
        query=sa.select(sa.func.count()).select_from({query}.subquery()),
        expected=0,
        refusal={refusal},
        examples={query},
    ),
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

    @property
    def docstring(self) -> str:
        """The title in a line, cut if it has to be, and what else there is to say."""
        title = " ".join(self.title.split())
        line = textwrap.shorten(title, LONGEST - len(self.stage), placeholder=" …")
        why = self.why if line == title else f"{title}.\n\n{self.why}"
        why = "\n".join(textwrap.fill(each, 96) for each in why.splitlines())
        said = f"{line}{'.' if line == title else ''} [{self.stage}]\n\n{why}"
        return said.replace("\\", r"\\").replace('"""', r"\"\"\"")


def of_fill(fill: Fill, context: AutogenContext) -> Page:
    """Return the page of a backfill of one column."""
    column, at = fill.column.name, partial(names.column, fill.table)
    key = context.metadata.tables[fill.table].primary_key.columns  # type: ignore[union-attr]
    if key.keys() != ["id"]:
        raise CommandError(
            f"{fill.table}.{column} has to be filled, and backfills go by `id`, which is not the "
            f"primary key of {fill.table}: let the column be empty, or have a default."
        )
    columns: list[sa.Column[Any]] = [*key, fill.column]
    due = f"{at(column)}.is_(None)"
    if fill.source:
        # Of no type: it goes over as the engine has it, whatever Python would make of it.
        columns = [*key, sa.Column(column), sa.Column(fill.source)]
        due += f" & {at(fill.source)}.is_not(None)"
    reads = [fill.source] if fill.source else []
    words = {"table": names.variable(fill.table), "due": due, "column": column}
    why = RENAME if fill.source else BACKFILL
    return Page(
        "backfill",
        f"Filling {fill.table}.{column}",
        why.format(value=f"`{fill.value}`", source=fill.source),
        frozen(fill.table, columns, context) + FILL.format(**words, value=fill.value, reads=reads),
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
        gone = dying if whole else [f"{table}.{column}" for column in dying]
        lines += [f"irreversible = {spelling.text(', '.join(gone))}"]
        lines += [f"would_lose = {would_lose(table, [] if whole else dropped, chain)}"]
    lines += uniqueness(table, unique)
    columns = [sa.Column(column, sa.String()) for column in unique]
    columns += [op.to_column() for op in dropped]
    for op in dropped:
        if new := chain.new_name.get((table, op.column_name)):
            columns.append(sa.Column(new, op.to_column().type))
    text = frozen(table, columns, context) if dying or unique else ""
    title, why = in_words(table, list(dict.fromkeys(chain.doing[table])))
    return Page("contract", title, why, f"{text}\n" + "\n".join(lines)), operations


def uniqueness(table: str, columns: list[str]) -> list[str]:
    """Return the lines that refuse rows of which two have the same in one of these columns."""
    twice, checks, taken = [], [], {names.variable(table)}
    for column in columns:
        query = names.free(f"{names.variable(column)}_twice", taken)
        twice.append(TWICE.format(query=query, column=names.column(table, column)))
        refusal = f"Several rows of {table} have the same {column}: make them differ."
        checks.append(CHECK.format(query=query, refusal=spelling.text(refusal)))
    return [*twice, f"checks = [{''.join(checks)}]"] if checks else []


def in_words(table: str, doing: list[str]) -> tuple[str, str]:
    """Return the first line of a contract's docstring, and what follows."""
    whole = "; ".join(doing)
    whole = whole[:1].upper() + whole[1:]
    if len(doing) == 1:
        return whole, CONTRACT
    return f"Tightening {table}", textwrap.fill(f"{whole}.", 96) + f"\n\n{CONTRACT}"


def would_lose(table: str, dropped: list[ops.DropColumnOp], chain: Chain) -> str:
    """Return the query that counts the rows whose data is carried nowhere else."""
    name, query = names.variable(table), "sa.select(sa.func.count()).select_from"
    parts = []
    for op in dropped:
        part = f"{names.column(table, op.column_name)}.is_not(None)"
        if new := chain.new_name.get((table, op.column_name)):
            part += f" & {names.column(table, new)}.is_(None)"
        parts.append(part)
    if len(parts) > 1:
        parts = [f"({part})" if "&" in part else part for part in parts]
    return f"{query}({name})" + (f".where({' | '.join(parts)})" if parts else "")


def frozen(table: str, columns: list[Any], context: AutogenContext) -> str:
    """Return the table as it is here; the models move on."""
    types = {
        each.name: f", {render._repr_type(each.type, context)}"
        for each in columns
        if not isinstance(each.type, sa.types.NullType)
    }
    lines = {
        each.name: f"    sa.column({each.name!r}{types.get(each.name, '')}),\n" for each in columns
    }
    return f"{names.variable(table)} = sa.table(\n    {table!r},\n{''.join(lines.values())})\n"
