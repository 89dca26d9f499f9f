"""What a revision writes into rows at once, where a backfill would go in batches: lint says so.

By SQL or by the objects of SQLAlchemy, going up or down. A file is read for what it says, and
rendered for each engine, where what it says is put together as it runs.
"""

import ast
import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic.script import Script

from app.revisions import reading, rendered

Found = tuple[Script, int, str, str, str]  # line, level, rule, the safe rewrite

DIALECTS = ("sqlite", "postgresql", "mariadb")
EXECUTE = {"execute", "exec_driver_sql", "scalar", "scalars"}
INSTEAD = "it locks every row until the end: declare a backfill, which goes in batches"
COPIES = "it reads and locks every row until the end: declare a backfill, which goes in batches"
WRITE = re.compile(r"\s*(WITH\b.*\)\s*)?(UPDATE|DELETE|MERGE|REPLACE)\b", re.IGNORECASE | re.DOTALL)
COPY = re.compile(r"\s*INSERT\b.*\bSELECT\b.*\bFROM\b", re.IGNORECASE | re.DOTALL)


def findings(revisions: list[Script]) -> Iterator[Found]:
    """Yield each write that is not cut into batches."""
    for revision in revisions:
        yield from read(revision)
        yield from run(revision)


def read(revision: Script) -> Iterator[Found]:
    """Yield what the file says that it writes."""
    is_backfill = getattr(revision.module, "stage", "") == "backfill"
    tree, lines = reading.tree_of(revision), set()
    for part in tree.body:
        # What a backfill's own functions copy is of one batch; what upgrade() copies is of all.
        of_a_batch = is_backfill and getattr(part, "name", "") not in {"upgrade", "downgrade"}
        for node in [each for each in ast.walk(part) if isinstance(each, ast.Call)]:
            if node.lineno in lines:
                continue
            if is_write(node):
                lines.add(node.lineno)
                yield revision, node.lineno, "error", "unbatched write", INSTEAD
            elif is_copy(node) and not of_a_batch:
                lines.add(node.lineno)
                yield revision, node.lineno, "error", "INSERT of all rows", COPIES


def is_write(call: ast.Call) -> bool:
    """Whether this changes or deletes rows: `sa.update(user)`, `user.delete()`, or in SQL."""
    if called(call) in EXECUTE:
        return bool(WRITE.match(words(call)))
    if called(call) == "delete":
        return True
    # A dictionary has an update() too, but not one that is executed, or given values.
    return called(call) == "update" and (owner(call) in {"", "sa", "sqlalchemy"} or not call.args)


def is_copy(call: ast.Call) -> bool:
    if called(call) in EXECUTE:
        return bool(COPY.match(words(call)))
    return called(call) == "from_select"


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def owner(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def words(call: ast.Call) -> str:
    """Return the SQL that is executed here, also in sa.text("…") or an f-string."""
    sql = call.args[0] if call.args else None
    if isinstance(sql, ast.Call) and called(sql) == "text":
        sql = sql.args[0] if sql.args else None
    if not isinstance(sql, ast.Constant | ast.JoinedStr | ast.BinOp):
        return ""
    constants = (each for each in ast.walk(sql) if isinstance(each, ast.Constant))
    return " ".join(str(each.value) for each in constants)


def run(revision: Script) -> Iterator[Found]:
    """Yield what comes out as a write once it runs, by whatever name it was called."""
    ours = {call.line for call in reading.calls(revision) if call.owner == "ddl"}
    for name in DIALECTS:
        try:
            statements = rendered.statements(revision, sa.make_url(f"{name}://").get_dialect()())
        except rendered.Unwritable as error:
            yield revision, 1, "error", "rendered write", str(error)
            continue
        for statement in statements:
            copies = COPY.match(statement.sql) and statement.line not in ours
            if WRITE.match(statement.sql) or copies:
                said = f"on {name} it runs `{statement.sql[:60]}` at once: declare a backfill"
                yield revision, statement.line, "error", "rendered write", said
