"""A table of SQLite written anew, where SQLite cannot alter it: the way that loses nothing.

The new table has the old one's own text, with one change; what hangs on it (indexes, triggers,
the count of its ids) is made again from its own text; what the catalogue says before and after
is compared, and any difference that was not meant undoes all of it.
"""

import re
from collections.abc import Callable

from alembic import op

from app.schema.engine import execute, is_script, listed, note, quoted

TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|.""", re.DOTALL
)
NOT_NULL = re.compile(r"(?<!\bIS)\s+NOT\s+NULL\b", re.IGNORECASE)

Change = Callable[[list[str]], list[str]]
Catalogue = dict[tuple[str, str], str]


class Lost(RuntimeError):
    """Writing a table anew would have lost something; it was rolled back."""


def with_not_null(items: list[str], column: str) -> list[str]:
    return [f"{item.rstrip()}\n\tNOT NULL" if first(item) == column else item for item in items]


def without_not_null(items: list[str], column: str) -> list[str]:
    return [NOT_NULL.sub("", item) if first(item) == column else item for item in items]


def without_constraint(items: list[str], name: str) -> list[str]:
    return [
        item
        for item in items
        if not re.match(rf'\s*CONSTRAINT\s+["`\[]?{re.escape(name)}\b', item, re.IGNORECASE)
    ]


def first(item: str) -> str:
    """Return the first name in an item of a table: what the column is called."""
    words = (token for token in TOKEN.findall(item) if not token.startswith(("--", "/*")))
    text = "".join(words).strip()
    return TOKEN.findall(text)[0].strip('"`[]') if text[0] in '"`[' else re.split(r"\W", text)[0]


def split(sql: str) -> tuple[list[str], str]:
    """Return what stands between the outermost brackets of a CREATE TABLE, and what follows."""
    items, depth, tokens = [""], 0, TOKEN.findall(sql)
    for number, token in enumerate(tokens):
        depth -= token == ")"
        if depth == 0 and token == ")":
            return items, "".join(tokens[number + 1 :])
        if depth == 1 and token == ",":
            items.append("")
        elif depth:
            items[-1] += token
        depth += token == "("
    raise Lost(f"This text of a table is not understood: {sql}")


def rebuild(table: str, change: Change) -> None:
    """Write the table anew, its text changed, or raise Lost."""
    if is_script():
        note(f"SQLite writes {table} anew for this: run `flask db upgrade` on the database itself.")
        return
    connection = op.get_bind()
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise Lost(f"With foreign_keys on, {table} would take along what points at it.")
    before = catalogue()
    items, tail = split(before["table", table])
    text = f"({','.join(change(items))}){tail}"
    count = f"SELECT COUNT(*) FROM {quoted(table)}"
    rows = connection.exec_driver_sql(count).scalar()
    move(table, text)
    for (kind, name), sql in before.items():
        if kind in {"index", "trigger"} and (kind, name) not in catalogue():
            connection.exec_driver_sql(sql)
    after = catalogue()
    after["table", table] = after["table", table].partition("(")[2]
    if after != before | {("table", table): text.partition("(")[2]}:
        raise Lost(f"{table} was not the same after it was written anew.")
    if connection.exec_driver_sql(count).scalar() != rows:
        raise Lost(f"{table} had {rows} rows before it was written anew, and not after.")


def move(table: str, text: str) -> None:
    """Make the table of this text, with the rows and the next id of the one that it replaces."""
    connection, new = op.get_bind(), f"_rebuilt_{table}"
    xinfo = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table)})").all()
    columns = listed([row.name for row in xinfo if row.hidden == 0])
    connection.exec_driver_sql(f"CREATE TABLE {quoted(new)} {text}")
    execute(f"INSERT INTO {quoted(new)} ({columns}) SELECT {columns} FROM {quoted(table)}")
    counted = "AUTOINCREMENT" in text.upper()
    if counted:
        copy = f"SELECT '{new}', seq FROM sqlite_sequence WHERE name = '{table}'"
        execute(f"DELETE FROM sqlite_sequence WHERE name = '{new}'")
        execute(f"INSERT INTO sqlite_sequence (name, seq) {copy}")
    execute(f"DROP TABLE {quoted(table)}")
    # In its old way, renaming leaves alone what views, triggers and keys say of this table.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    execute(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")


def catalogue() -> Catalogue:
    """Return the text of everything that is in the database, by its kind and name."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return {(row.type, row.name): row.sql for row in op.get_bind().exec_driver_sql(query)}
