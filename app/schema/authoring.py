"""What `flask db migrate` and `flask db revision` write: numbered, linear, in the words of ddl.

Used by migrations/env.py and script.py.mako alone.
"""

import importlib.util
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import write_hooks

from app.db import UTCDateTime
from app.schema import ddl

log = logging.getLogger(__name__)

OPERATIONS = "create_table|drop_table|add_column|drop_column|create_index|drop_index"


def number(context: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Give the new revision the next number; write none where autogenerate found nothing."""
    [directive] = directives
    options = context.opts["revision_context"]
    # `flask db check` comes here too, and wants to see the empty directive.
    found = directive.upgrade_ops_list[-1]
    if getattr(options.config.cmd_opts, "autogenerate", False) and found.is_empty():
        directives.clear()
        log.info("No changes in schema detected.")
    elif options.command_args["rev_id"] is None:
        heads = options.script_directory.get_heads()
        directive.rev_id = f"{max(map(int, heads), default=0) + 1:04}"


def render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Write a type of ours as the frozen one in ddl; leave the others to Alembic."""
    if kind != "type":
        return False
    variants = getattr(item, "_variant_mapping", {})
    if isinstance(item, UTCDateTime):
        return "ddl.timestamp()"
    if isinstance(item, sa.BigInteger) and "sqlite" in variants:
        return "ddl.big_id()"
    if (
        isinstance(item, sa.String)
        and getattr(variants.get("postgresql"), "collation", None) == "C"
    ):
        return f"ddl.key({item.length})"
    return False


def body(operations: str | None) -> str:
    """Return the body of upgrade() or downgrade(), with our form of each operation that has one."""
    lines = [
        line for line in (operations or "").splitlines() if not line.strip().startswith("# ###")
    ]
    text = re.sub(rf"\bop\.({OPERATIONS})\(", r"ddl.\1(", "\n".join(lines))
    for option, value in ddl.TABLE_OPTIONS.items():
        text = text.replace(f",\n    {option}={value!r}", "")
    return text.strip() or "pass"


def imports(*bodies: str, extra: str = "") -> str:
    """Return the import lines that these bodies need, and no others."""
    text = "\n".join(bodies)
    lines = [
        "import sqlalchemy as sa" if re.search(r"\bsa\.", text) else "",
        "from alembic import op" if re.search(r"\bop\.", text) else "",
        *extra.splitlines(),
        "\nfrom app.schema import ddl" if re.search(r"\bddl\.", text) else "",
    ]
    return "\n".join(line for line in lines if line)


@write_hooks.register("gatehouse")
def finish(path: str, options: Any) -> None:
    """Note the newest number in HEAD, where two branches then conflict, and lay out the file."""
    file = Path(path)
    (file.parents[1] / "HEAD").write_text(file.name.partition("_")[0] + "\n")
    if importlib.util.find_spec("ruff"):
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], check=True)
