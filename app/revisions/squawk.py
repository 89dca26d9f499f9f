"""What squawk finds in the SQL of the revisions for PostgreSQL, where it is installed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.script import Script
from sqlalchemy.dialects import postgresql

from app.revisions import reading, rendered, troubles

EXCLUDED = [
    "require-lock-timeout",  # every run, and every script, sets it first
    "require-statement-timeout",  # nobody waits for a long step; a cut one would begin again
    "prefer-text-field",  # MariaDB indexes no TEXT, and here a longer VARCHAR is a moment's work
    "prefer-bigint-over-int",  # how many rows there will ever be is for the model to say
    "prefer-bigint-over-smallint",
    "prefer-identity",  # SERIAL is how SQLAlchemy counts ids, and it counts as well
]

# What a rule asks for, these operations of ddl give in their own way.
ANSWERED = {
    # One that broke off is dropped first; IF NOT EXISTS would keep an INVALID index.
    "prefer-robust-stmts": {
        "create_index",
        "create_unique_index",
        "set_not_null",
        "add_column",  # with a key that it names
        "add_foreign_key",
    },
    # It waits for the lock for a moment only, and tries again.
    "require-concurrent-index-deletion": {"drop_index"},
    # In a contract, whose gate asks whether anybody needs it; elsewhere a rule of ours speaks.
    "ban-drop-column": {"drop_column"},
    "ban-drop-table": {"drop_table"},
    # The check that stood in for NOT NULL; a key that a downgrade or a contract lets go.
    "ban-drop-constraint": {"set_not_null", "drop_foreign_key"},
    # `flask db verify` proves that the release before still works.
    "ban-drop-not-null": {"drop_not_null"},
    # Longer only, which writes nothing anew; and cut short if it should.
    "changing-column-type": {"widen"},
    # The trigger's own, which nothing else calls.
    "ban-drop-function": {
        "create_staleness_trigger",
        "drop_staleness_trigger",
        "keep_in_step",
        "end_step",
    },
}

NEW_COLUMN = "add a new column, fill it in a backfill and drop the old one in a contract"
CHECKED_LATER = "writers wait while every row is checked: {}, which checks them beside their work"
INSTEAD = {
    "adding-field-with-default": "everybody waits while the table is written anew for a default "
    "that differs from row to row: add the column empty, and fill it in a backfill",
    "adding-foreign-key-constraint": CHECKED_LATER.format("ddl.add_foreign_key"),
    "adding-not-nullable-field": CHECKED_LATER.format("ddl.set_not_null in a contract"),
    "adding-required-field": "the running release inserts without it: add it nullable, fill it "
    "in a backfill, then ddl.set_not_null in a contract",
    "ban-drop-column": "the running release may read it: ddl.drop_column in a contract",
    "ban-drop-table": "the running release may read it: ddl.drop_table in a contract",
    "changing-column-type": f"everybody waits while the table is written anew: {NEW_COLUMN}",
    "constraint-missing-not-valid": CHECKED_LATER.format("NOT VALID, then VALIDATE CONSTRAINT"),
    "disallowed-unique-constraint": "everybody waits while its index is built: "
    "ddl.create_unique_index in a contract",
    "prefer-timestamp-tz": "it forgets the time zone: ddl.timestamp()",
    "renaming-column": f"the running release knows the old name: {NEW_COLUMN}",
    "renaming-table": "the running release knows the old name: a new table, filled in a backfill",
    "require-concurrent-index-creation": "writers wait while it is built: ddl.create_index",
    "require-concurrent-index-deletion": "everybody may wait: ddl.drop_index",
}
MATTERS_OF_TASTE = ("prefer-", "ban-char-field")

Found = tuple[Script, int, str, str, str]  # line, level, rule, the safe rewrite


def program() -> str | None:
    """Return where squawk is, beside this Python or on the path, or None."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which("squawk", path=os.pathsep.join(places))


def findings(revisions: list[Script]) -> Iterator[Found]:
    """Yield what squawk finds in these; nothing where it is not installed."""
    if (squawk := program()) is None:
        return
    lines: dict[str, tuple[Script, list[int]]] = {}
    with tempfile.TemporaryDirectory(prefix="squawk") as folder:
        for revision in revisions:
            text, at = script_of(revision)
            (Path(folder) / f"{revision.revision}.sql").write_text(text)
            lines[f"{revision.revision}.sql"] = revision, at
        for found in told_by(squawk, folder, sorted(lines)):
            revision, at = lines[Path(found["file"]).name]
            line, rule = at[found["line"]], found["rule_name"]
            if not is_answered(rule, revision, line):
                help_ = " ".join(filter(None, [found["message"], found["help"]]))
                level = "warning" if rule.startswith(MATTERS_OF_TASTE) else "error"
                yield revision, line, level, rule, INSTEAD.get(rule, help_)


def script_of(revision: Script) -> tuple[str, list[int]]:
    """Return the revision's SQL as a run has it, and for each line of it that of the file."""
    try:
        statements = rendered.statements(revision, postgresql.dialect())
    except rendered.Unwritable:  # which a rule of ours says
        return "", []
    begin, end = rendered.Statement("BEGIN", 1), rendered.Statement("COMMIT", 1)
    text, at = "", []
    for statement in [begin, *statements, end]:
        text += f"{statement.sql};\n"
        at += [statement.line] * (statement.sql.count("\n") + 1)
    return text, at


def told_by(squawk: str, folder: str, files: list[str]) -> list[dict[str, Any]]:
    oldest = ".".join(map(str, (*troubles.OLDEST["postgresql"], 0)))
    options = ["--reporter", "json", "--pg-version", oldest, "--exclude", ",".join(EXCLUDED)]
    result = subprocess.run(
        [squawk, *options, *files], check=False, cwd=folder, capture_output=True, text=True
    )
    try:
        return list(json.loads(result.stdout))
    except ValueError as error:
        raise RuntimeError(f"{squawk} does not answer: {result.stderr.strip()}") from error


def is_answered(rule: str, revision: Script, line: int) -> bool:
    """Whether this line calls an operation of ddl that has an answer to the rule."""
    return any(
        call.owner == "ddl" and call.line == line and call.name in ANSWERED.get(rule, ())
        for call in reading.calls(revision)
    )
