"""What the revision files say: their order, and their calls, read without being run."""

import ast
import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import op
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from app.schema import ddl

SIGNED = {"ddl": ddl, "op": op}  # whose functions tell the order of their arguments


@dataclass(frozen=True)
class Call:
    """One call in upgrade(): `ddl.drop_column("user", "phone")`, and the line it stands on."""

    owner: str
    name: str
    # In order, also if given by name; constants, and what is not one stands here as its syntax.
    arguments: list[Any]
    options: dict[str, Any]
    line: int


def history(script: ScriptDirectory) -> list[Script]:
    """Return the revisions, oldest first."""
    return list(reversed(list(script.walk_revisions())))


def pending(script: ScriptDirectory, version: str | None) -> list[Script]:
    """Return the revisions that a database at this number has not got, oldest first."""
    story = history(script)
    numbers = [None, *(revision.revision for revision in story)]
    return story[numbers.index(version) :]


def changes(script: ScriptDirectory) -> list[list[Script]]:
    """Return the history in changes: expands, then their backfills, then their contracts."""
    found: list[list[Script]] = []
    for revision in history(script):
        stage = revision.module.stage
        if not found or (stage == "expand" and found[-1][-1].module.stage != "expand"):
            found.append([])
        found[-1].append(revision)
    return found


def newest(stage: str, script: ScriptDirectory) -> str:
    """Return the range of revisions of this stage in the newest change that has any, or raise."""
    for change in reversed(changes(script)):
        if mine := [each for each in change if each.module.stage == stage]:
            return f"{mine[0].down_revision or 'base'}:{mine[-1].revision}"
    raise CommandError(f"There is no {stage} in this history.")


def tree_of(revision: Script) -> ast.Module:
    return parsed(Path(revision.path).read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=256)  # a run asks again and again, at each of its steps
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def calls(revision: Script, function: str = "upgrade") -> Iterator[Call]:
    """Yield the calls in this function, once for each turn of a loop over constants."""
    for node in tree_of(revision).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield from calls_in(node, {})


def calls_in(node: ast.AST, known: dict[str, Any]) -> Iterator[Call]:
    if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        for turn in getattr(node.iter, "elts", [node.iter]):
            for statement in node.body:
                yield from calls_in(statement, known | {node.target.id: constant(turn, known)})
        return
    if isinstance(node, ast.Call):
        function = node.func
        owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
        name = str(getattr(function, "attr", None) or getattr(function, "id", ""))
        given = [constant(argument, known) for argument in node.args]
        options = {word.arg: constant(word.value, known) for word in node.keywords if word.arg}
        yield Call(owner, name, in_order(owner, name, given, options), options, node.lineno)
    for child in ast.iter_child_nodes(node):
        yield from calls_in(child, known)


def in_order(owner: str, name: str, given: list[Any], options: dict[str, Any]) -> list[Any]:
    """Return the arguments that were given, and after them those that were given by their names."""
    function, found = getattr(SIGNED.get(owner), name, None), list(given)
    parameters = inspect.signature(function).parameters if inspect.isfunction(function) else {}
    for parameter in list(parameters.values())[len(given) :]:
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.name not in options:
            break
        found.append(options[parameter.name])
    return found


def constant(node: ast.AST, known: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return known.get(node.id, node)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "op.f":
        return constant(node.args[0], known)  # a name that is final, as autogenerate writes it
    try:
        return ast.literal_eval(node)
    except ValueError:
        return node


def destroyed(revision: Script) -> list[str]:
    """Return the columns, as table.column, and the tables that this revision drops."""
    dropped = [call for call in calls(revision) if call.name in {"drop_column", "drop_table"}]
    return [
        ".".join(map(str, call.arguments[: 2 if call.name == "drop_column" else 1]))
        for call in dropped
    ]


def step_name(revision: Script) -> str:
    """Return `0004: Dropping user.password. [contract]`, as people know the revision."""
    return f"{revision.revision}: {revision.doc}"
