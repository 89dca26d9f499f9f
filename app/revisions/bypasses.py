"""What a revision does past ddl, in SQL or by operations of Alembic: lint says why not."""

import ast
import re
from collections.abc import Iterator

from alembic.script import Script

from app.revisions import reading

Found = tuple[Script, int, str, str, str]  # line, level, rule, the safe rewrite

# What stands in op.execute("…"), as rule, how it is known, and what to write instead.
SQL = [
    (
        "raw MODIFY",
        r"ALTER\s+TABLE\b.*\b(MODIFY|CHANGE)\b",
        "MariaDB forgets what it does not repeat, and copies the table where a length grows past "
        "63 or a unique column becomes TEXT: ddl.set_not_null, ddl.widen, or a new column",
    ),
    (
        "foreign_keys in a revision",
        r"PRAGMA\s+(\w+\.)?foreign_keys\b",
        "SQLite ignores it in a transaction: leave it out, every run has them off",
    ),
]
CALLS = {
    "create_check_constraint": (
        "CHECK over rows",
        "MariaDB copies the table, PostgreSQL reads all of it and SQLite writes it anew, and "
        "writers wait: let the code check it, or put it into ddl.create_table",
    ),
    "add_column": (
        "column past ddl",
        "MariaDB commits on the way, and run again it fails, for the column is there: "
        "ddl.add_column, which looks first",
    ),
}


def findings(revisions: list[Script]) -> Iterator[Found]:
    """Yield each way past ddl that these take, going up or down."""
    for revision in revisions:
        for function in ("upgrade", "downgrade"):
            for call in reading.calls(revision, function):
                for rule, instead in found_in(call):
                    yield revision, call.line, "error", rule, instead


def found_in(call: reading.Call) -> Iterator[tuple[str, str]]:
    if call.owner == "op" and call.name in CALLS:
        yield CALLS[call.name]
    if call.name in {"execute", "exec_driver_sql"}:
        text = " ".join(text_of(each) for each in call.arguments)
        for rule, pattern, instead in SQL:
            if re.search(pattern, text, re.IGNORECASE | re.DOTALL):
                yield rule, instead


def text_of(argument: object) -> str:
    """Return the words in an argument, also of sa.text("…") and of an f-string."""
    if not isinstance(argument, ast.AST):
        return str(argument)
    constants = [each for each in ast.walk(argument) if isinstance(each, ast.Constant)]
    return " ".join(str(each.value) for each in constants)
