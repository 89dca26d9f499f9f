"""What `flask db lint` finds in revision files: what is dangerous, and what to write instead."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory

from app.revisions import bypasses, keys, lengths, reading, signature, squawk, troubles, writes


@dataclass(frozen=True)
class Finding:
    """One thing in one revision: an error shuts the door, a warning is to be read."""

    file: str
    line: int
    level: str
    rule: str
    instead: str


Found = Iterator[tuple[int, str]]  # the line, and the safe rewrite in words
Rule = Callable[[Script], Found]
RULES: list[tuple[str, str, Rule]] = []
MIXED = {
    "expand": "drop_column drop_table drop_foreign_key set_not_null run",
    "backfill": "create_table add_column create_index drop_column drop_table drop_index "
    "set_not_null add_foreign_key alter_column widen",
    "contract": "create_table add_column run",
}
UNNAMED = {
    "PrimaryKeyConstraint", "ForeignKeyConstraint", "UniqueConstraint", "CheckConstraint",
}  # fmt: skip


def rule(level: str, name: str) -> Callable[[Rule], Rule]:
    def register(check: Rule) -> Rule:
        RULES.append((level, name, check))
        return check

    return register


def findings(script: ScriptDirectory, runs: Sequence[Any] = ()) -> list[Finding]:
    """Return everything that was found, oldest revision first.

    `runs` are the notes of a database on what ran there, if there is one to ask.
    """
    revisions = reading.history(script)
    found = [
        Finding(Path(revision.path).name, line, level, name, instead)
        for revision, line, level, name, instead in chain(
            of_ours(revisions), squawk.findings(revisions)
        )
    ]
    found += [
        Finding(file, 1, "error", "edited after it ran", instead)
        for file, instead in signature.edited(script, runs).items()
    ]
    return [*of_all(script), *sorted(found, key=lambda finding: (finding.file, finding.line))]


def of_ours(revisions: list[Script]) -> Iterator[tuple[Script, int, str, str, str]]:
    """Yield what our own rules find: line, level, rule, the safe rewrite."""
    for revision in revisions:
        for level, name, check in RULES:
            for line, instead in check(revision):
                yield revision, line, level, name, instead
    for others in (keys, bypasses, writes):
        yield from others.findings(revisions)


def of_all(script: ScriptDirectory) -> Iterator[Finding]:
    """Yield what no file has wrong, and all of them together have."""
    if said := troubles.of_the_story(script, ()):
        yield Finding("versions", 1, "error", "two ends", said)
    elif said := troubles.of_the_newest(script):
        yield Finding("HEAD", 1, "error", "not the newest", said)


def stage_of(revision: Script) -> str:
    return getattr(revision.module, "stage", "")


def made(revision: Script, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of these names, anywhere in the file."""
    for node in ast.walk(reading.tree_of(revision)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if called in names:
                yield node


def word(call: ast.Call, name: str) -> Any:
    return next((each.value for each in call.keywords if each.arg == name), None)


def is_constant(node: Any, value: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@rule("error", "no stage")
def names_its_stage(revision: Script) -> Found:
    if stage_of(revision) not in MIXED:
        yield 1, 'say stage = "expand", "backfill" or "contract"'


@rule("error", "mixed stages")
def does_one_thing(revision: Script) -> Found:
    stage = stage_of(revision)
    for call in reading.calls(revision):
        if call.name in MIXED.get(stage, "").split() and call.owner in {"ddl", "op", "work"}:
            yield call.line, f"{call.name} has no place in {stage}: a revision of its own stage"


@rule("error", "imports the models")
def imports_no_models(revision: Script) -> Found:
    for node in ast.walk(reading.tree_of(revision)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for name in [module] if module else [each.name for each in node.names]:
                if name.partition(".")[0] == "app" and not name.startswith("app.schema"):
                    yield node.lineno, "freeze what it needs: sa.table(...); the models move on"
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"db.session", "db.engine"}:
            yield node.lineno, "a second connection locks against this one: op.get_bind()"


@rule("error", "NOT NULL without a default")
def adds_what_may_be_empty(revision: Script) -> Found:
    for call in made(revision, "add_column"):
        column = next((a for a in call.args if isinstance(a, ast.Call)), None)
        required = column is not None and is_constant(word(column, "nullable"), False)
        in_upgrade = any(each.line == call.lineno for each in reading.calls(revision))
        if column is not None and required and in_upgrade and not word(column, "server_default"):
            yield (
                call.lineno,
                "the running release inserts without it: add it nullable, fill it in a backfill, "
                "then ddl.set_not_null in a contract",
            )


@rule("error", "unique over rows")
def makes_no_rows_unique(revision: Script) -> Found:
    if stage_of(revision) != "expand":
        return
    calls = list(reading.calls(revision))
    new = {str(call.arguments[0]) for call in calls if call.name == "create_table"}
    added = {ast.unparse(a.args[0]) for c in made(revision, "add_column") for a in columns_in(c)}
    for call in calls:
        unique = call.name == "create_index" and call.options.get("unique") is True
        if unique or call.name == "create_unique_index":
            over = call.arguments[2] if len(call.arguments) > 2 else []
            is_new = isinstance(over, list) and {repr(name) for name in over} <= added
            if str(call.arguments[1]) not in new and not is_new:
                yield call.line, "rows may share it, and a release may write it: a contract"


def columns_in(call: ast.Call) -> list[ast.Call]:
    return [each for each in call.args if isinstance(each, ast.Call) and each.args]


@rule("error", "unnamed constraint")
def names_its_constraints(revision: Script) -> Found:
    for call in made(revision, *UNNAMED):
        if word(call, "name") is None:
            yield call.lineno, "say name=: what has no name cannot be dropped alike everywhere"
    for call in made(revision, "create_foreign_key", "create_unique_constraint"):
        if call.args and is_constant(call.args[0], None):
            yield call.lineno, "give it a name: what has none cannot be dropped alike everywhere"


@rule("error", "native ENUM")
def has_no_native_enum(revision: Script) -> Found:
    for call in made(revision, "Enum", "ENUM"):
        if not is_constant(word(call, "native_enum"), False):
            yield call.lineno, "its type outlives a downgrade: sa.String and a named check"


@rule("error", "SQLite writes the table anew")
def alters_in_place(revision: Script) -> Found:
    for call in made(revision, "batch_alter_table", "alter_column"):
        yield (
            call.lineno,
            "on SQLite it loses triggers, AUTOINCREMENT and collations: use ddl, or add a new "
            "column, fill it and drop the old one",
        )


@rule("error", "MariaDB copies the table")
def stays_below_a_length(revision: Script) -> Found:
    for call in made(revision, "alter_column"):
        before, after = (length(word(call, name)) for name in ("existing_type", "type_"))
        if before in lengths.COUNTED_OTHERWISE and after >= lengths.COUNTED_OTHERWISE.stop:
            yield call.lineno, "past 63 characters writers wait for a copy: a new column"


def length(node: Any) -> int:
    numbers = (
        [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)] if node else []
    )
    return next((number for number in numbers if isinstance(number, int)), 0)


@rule("error", "data dies uncounted")
def counts_what_dies(revision: Script) -> Found:
    dying = reading.destroyed(revision) if stage_of(revision) == "contract" else []
    if dying and not hasattr(revision.module, "would_lose"):
        what = " and ".join(dying)
        yield 1, f"say irreversible and would_lose, the rows of {what} carried nowhere else"


@rule("warning", "nothing to wait for")
def waits_for_its_backfill(revision: Script) -> Found:
    if stage_of(revision) == "contract" and not hasattr(revision.module, "requires_done"):
        yield 1, "say requires_done, the backfills before it ([] if there is none)"
