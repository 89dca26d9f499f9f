"""What `flask db migrate` and `flask db revision` write: numbered, linear, in the words of ddl.

Used by migrations/env.py and script.py.mako alone.
"""

import ast
import importlib.util
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import click
import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory, write_hooks
from alembic.util import CommandError

from app.revisions import origins, pages, reading, spelling, standing
from app.revisions.chain import Chain
from app.revisions.indexes import refuse_more_than_columns
from app.revisions.operations import flattened
from app.revisions.pages import Page
from app.revisions.refusals import refuse_long
from app.schema import ddl

log = logging.getLogger(__name__)

OPERATIONS = "create_table|drop_table|add_column|drop_column|create_index|drop_index"

# Alembic writes them as the engine at hand has them, and PostgreSQL takes no 0 for a boolean.
TRUTHS: dict[type, str] = {type(sa.false()): "sa.false()", type(sa.true()): "sa.true()"}

# What a revision may name, as ruff wants it imported.
IMPORTED = (
    {
        "from datetime import": ("UTC", "date", "datetime", "time", "timedelta"),
        "from decimal import": ("Decimal",),
        "from uuid import": ("UUID",),
    },
    {
        "import sqlalchemy as": ("sa",),
        "from alembic import": ("op",),
        "from sqlalchemy.dialects import": ("mysql", "postgresql", "sqlite"),
    },
    {"from app.schema import": ("backfill", "ddl", "stages")},
)

Told = tuple[Page, list[Any]]

# The files of this run, and what HEAD said before each.
made: dict[Path, str | None] = {}


def number(context: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Give the new revisions the next numbers; write none where autogenerate found nothing."""
    made.clear()
    [directive] = directives
    options = context.opts["revision_context"]
    # `flask db check` comes here too, and wants to see the directive as it is.
    found = directive.upgrade_ops_list[-1]
    written = getattr(options.config.cmd_opts, "autogenerate", False)
    if written:
        standing.refuse(context)
        refuse_more_than_columns(flattened(found), context)
    if written and found.is_empty():
        directives.clear()
        log.info("No changes in schema detected.")
        return
    given = options.command_args["rev_id"]
    first = free(options.script_directory, given)
    told: list[Told] = [(page_of({}, None, None), [])]
    if written:
        told = told_of(context, found, first)
    elif options.command_args["autogenerate"]:
        return
    if given and len(told) > 1:
        raise CommandError(f"--rev-id names one revision, and this change needs {len(told)}.")
    directive.rev_id = given or f"{first:04}"
    if directive.message:
        told[0][0].title = directive.message.rstrip(".")
    arrange(directives, told)
    written_pages = zip(directives, told, strict=True)
    options.template_args["pages"] = {script.rev_id: page for script, (page, _) in written_pages}


def free(script: ScriptDirectory, given: str | None) -> int:
    """Return the next number, or raise where the one that was asked for is taken."""
    taken = {each.revision for each in script.walk_revisions()}
    if given in taken:
        raise CommandError(
            f"There is a revision {given} already: leave --rev-id out, or name another."
        )
    return max((int(each) for each in taken if each.isdigit()), default=0) + 1


def arrange(directives: list[MigrationScript], told: list[Told]) -> None:
    """Make a chain of files of these pages, each after the one before."""
    for _ in told[1:]:
        after, nothing = f"{int(directives[-1].rev_id or 0) + 1:04}", ops.UpgradeOps([])
        script = MigrationScript(after, nothing, nothing.reverse(), head=directives[-1].rev_id)
        directives.append(script)
    for script, (page, operations) in zip(directives, told, strict=True):
        undone = [operation.reverse() for operation in reversed(outermost(operations))]
        script.message = page.title
        script.upgrade_ops = ops.UpgradeOps(operations)
        script.downgrade_ops = ops.DowngradeOps(undone)


def outermost(operations: list[Any]) -> list[Any]:
    """Return the operations that have to be undone: an index of a new table goes with it."""
    new = {op.table_name for op in operations if isinstance(op, ops.CreateTableOp)}
    return [
        op for op in operations if not (isinstance(op, ops.CreateIndexOp) and op.table_name in new)
    ]


def page_of(written: dict[str, Page], revision: str | None, message: str | None) -> Page:
    """Return the page of this revision, or the one of a revision that nothing was found for."""
    nothing = Page("expand", (message or "Changing the schema").rstrip("."), pages.EXPAND)
    return written.get(revision or "", nothing)


def told_of(context: MigrationContext, found: ops.UpgradeOps, first: int) -> list[Told]:
    """Return the pages of the chain that this change needs, each with its operations."""
    options = context.opts["revision_context"].config.cmd_opts
    types = AutogenContext(context)
    assert isinstance(types.metadata, sa.MetaData)
    refuse_long(flattened(found))
    made = origins.of(reading.history(context.opts["revision_context"].script_directory))
    chain = Chain(was_renamed, "allow-drop" in options.x, types.metadata, context.impl, made)
    chain.divide(found)
    told: list[Told] = []
    if chain.expand:
        page = Page("expand", "Adding what the next release needs", pages.EXPAND)
        told.append((page, chain.expand))
    begin = first + len(told)
    done = [f"{begin + position:04}" for position, _ in enumerate(chain.fills)]
    told += [(pages.of_fill(fill, types), []) for fill in chain.fills]
    for table in dict.fromkeys(op.table_name for op in chain.contract):
        mine = [n for n, fill in zip(done, chain.fills, strict=True) if fill.table == table]
        told.append(pages.of_contract(table, chain, mine, types))
    return told


def was_renamed(table: str, old: str, new: str) -> bool:
    """Ask; where there is nobody to ask, stop: a wrong guess would lose what the column holds."""
    if not sys.stdin.isatty():
        raise CommandError(
            f"{table}.{old} goes and {table}.{new} comes, which is alike: if that is a new name, "
            "run this on a terminal, which asks; if not, migrate one of the two, then the other."
        )
    return click.confirm(f"Is {table}.{new} the new name of {table}.{old}?")


def render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Write a type of ours as the frozen one in ddl; leave the others to Alembic."""
    if isinstance(item, origins.Written | origins.WrittenDefault):
        return item.text
    if kind == "server_default":
        return TRUTHS.get(type(getattr(item, "arg", None)), False)
    if kind != "type":
        return False
    return spelling.type_of_ours(item, context)


def body(operations: str | None) -> str:
    """Return the body of upgrade() or downgrade(), with our form of each operation that has one."""
    lines = [
        line for line in (operations or "").splitlines() if not line.strip().startswith("# ###")
    ]
    text = re.sub(rf"\bop\.({OPERATIONS})\(", r"ddl.\1(", "\n".join(lines))
    for option, value in ddl.TABLE_OPTIONS.items():
        text = text.replace(f",\n    {option}={value!r}", "")
    return spelling.in_pieces(text.strip()) or "pass"


def imports(*bodies: str) -> str:
    """Return the import lines that these bodies need, and no others."""
    text = spelling.STRING.sub('""', "\n".join(bodies))
    blocks = []
    for block in IMPORTED:
        lines = []
        for begin, names in block.items():
            needed = [name for name in names if re.search(rf"(?<![.\w]){name}\b[.()]", text)]
            if needed:
                lines.append(f"{begin} {', '.join(needed)}")
        blocks += ["\n".join(lines)] if lines else []
    return "\n\n".join(blocks)


@write_hooks.register("gatehouse")
def finish(path: str, options: Any) -> None:
    """Note the newest number in HEAD, where two branches then conflict, and lay out the file."""
    file = Path(path)
    head = file.parents[1] / "HEAD"
    made[file] = head.read_text() if head.exists() else None
    if wrong := fault(file):
        undo()
        raise CommandError(f"What was written for {file.name} is no Python, and is gone: {wrong}.")
    head.write_text(file.name.partition("_")[0] + "\n")


def fault(file: Path) -> str | None:
    """Lay out the file, and return what is wrong with it."""
    try:
        ast.parse(file.read_text(), filename=file.name)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    if importlib.util.find_spec("ruff"):
        command = [sys.executable, "-m", "ruff", "format", "--quiet", str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done.stderr.strip() if done.returncode else None
    return None


def undo() -> None:
    """Take away what this run wrote: every later upgrade would stop at a file that cannot run."""
    for file, before in reversed(made.items()):
        head = file.parents[1] / "HEAD"
        file.unlink(missing_ok=True)
        if before is None:
            head.unlink(missing_ok=True)
        else:
            head.write_text(before)
    made.clear()
