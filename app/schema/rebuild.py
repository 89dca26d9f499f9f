"""A table of SQLite changed where SQLite cannot alter it: the ways that lose nothing.

NOT NULL and foreign keys are a matter of the table's text alone, which is edited where it stands;
SQLite describes this way itself, and from 3.53 on goes it with NOT NULL. All else, and this where
the catalogue is closed, has the table written anew: from its own text, with one change; what hangs
on it (indexes, triggers, the count of its ids) is made again from its own text; what the catalogue
says before and after is compared, and any difference that was not meant undoes all of it.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from app.schema.engine import Refused, execute, has_table, is_script, keys_of, listed, note, quoted

TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|.""", re.DOTALL
)
# The end of a comment stays, or what follows would be in it.
NOT_NULL = re.compile(r"((?<!-)\s+|\b)NOT[\s/-]+NULL\b(\s+ON\s+CONFLICT\s+\w+)?", re.IGNORECASE)
LENGTH = re.compile(r"CHAR\w*\s*\(([^)]*)\)", re.IGNORECASE)
GAP = r"(?:\s|/\*.*?\*/|--[^\n]*\n)"
KEY = (
    r"""\bCONSTRAINT\s*["'`[]?{}["'`\]]?\s*"""
    r"(?:FOREIGN\s+KEY\s*\([^)]*\)\s*)?REFERENCES\s*"
    r"""(?:[\w$]+|"[^"]+"|`[^`]+`|\[[^]]+\])(?:\s*\([^)]*\))?"""
    r"(?:\s+ON\s+(?:DELETE|UPDATE)\s+(?:SET\s+|NO\s+)?\w+|\s+(?:NOT\s+)?DEFERRABLE"
    r"|\s+INITIALLY\s+\w+|\s+MATCH\s+\w+)*"
)
PRIMARY = re.compile(r"\bPRIMARY\s+KEY\b(\s+(ASC|DESC)\b)?(\s+ON\s+CONFLICT\s+\w+)?", re.IGNORECASE)
SHAPE = (
    "SELECT 'column', name, cid, type, dflt_value, pk, hidden FROM pragma_table_xinfo(:table)",
    "SELECT 'NOT NULL ' || name FROM pragma_table_xinfo(:table) WHERE \"notnull\"",
    'SELECT \'key\', "from", seq, "table", "to", on_update, on_delete, match '
    "FROM pragma_foreign_key_list(:table)",
    "SELECT 'index', * FROM pragma_index_list(:table)",
    "SELECT 'counting' FROM sqlite_master WHERE name = 'sqlite_sequence'",
)

Change = Callable[[list[str]], list[str]]
Catalogue = dict[tuple[str, str], str]


def required(item: str) -> str:
    return re.sub(r"(\s*)\Z", r"\n\tNOT NULL\1", item, count=1)


def free(item: str) -> str:
    while found := NOT_NULL.search(bare(item)):
        item = item[: found.start()] + item[found.end() :]
    return item


def longer(item: str, length: int | None) -> str:
    found = LENGTH.search(bare(item))  # not in its name, nor in a comment
    return f"{item[: found.start(1)]}{length}{item[found.end(1) :]}" if found else item


def bare(item: str) -> str:
    """Return as long a text, in which only the item's own words can be read."""
    text, depth = "", 0
    for token in TOKEN.findall(item):
        depth -= token == ")"
        text += token[0] * len(token) if len(token) > 1 or not depth else "("
        depth += token == "("
    return text


def without_key(items: list[str], name: str) -> list[str]:
    """Return the items of a table without this foreign key, which may stand in a column's."""
    words = KEY.format(re.escape(name)).replace(r"\s", GAP)
    left = [re.sub(words, "", item, flags=re.IGNORECASE | re.DOTALL) for item in items]
    return [item for item in left if words_of(item)]


def counting(items: list[str], key: str) -> list[str]:
    """Return the items of a table whose key counts up, wherever it was said to be the key."""
    changed = []
    for item in items:
        primary = PRIMARY.search(bare(item))
        if first(item).lower() == key.lower():
            start, end = primary.span() if primary else (len(item.rstrip()),) * 2
            column = re.sub(r"(?i)\s(BIG|SMALL)?INT\b", " INTEGER", item[:start], count=1)
            changed.append(f"{column}\n\tPRIMARY KEY AUTOINCREMENT{item[end:]}")
        elif not primary:
            changed.append(item)
    return changed


def words_of(text: str) -> str:
    """Return the text without its comments."""
    return TOKEN.sub(lambda m: " " if m[0][:2] in {"--", "/*"} else m[0], text).strip()


def first(item: str) -> str:
    """Return the first name in an item of a table: what the column is called."""
    text = words_of(item)
    if text[0] in "\"'`[":
        return re.sub(r"""(["'`])\1""", r"\1", TOKEN.findall(text)[0][1:-1])
    return re.split(r"[^\w$\x80-\U0010ffff]", text)[0]


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
    raise Refused(f"This text of a table is not understood: {sql}")


def of_column(column: str, change: Callable[[str], str]) -> Change:
    return lambda items: [change(item) if first(item) == column else item for item in items]


def edit(table: str, change: Change, *meant: str) -> None:
    """Change the text of the table so that SQLite reads just what is meant, or raise Refused."""
    if is_script():
        note(f"SQLite has no words for this: `flask db upgrade` edits the text of {table}.")
        return
    before = catalogue()["table", table]
    items, _ = split(before)
    text = before.replace(f"({','.join(items)})", f"({','.join(change(items))})", 1)
    try:
        differs = {fact[0] for fact in shape(text, table) ^ shape(before, table)}
    except sqlite3.Error as error:
        raise Refused(f"SQLite would not read the new text of {table}: {error}.") from error
    gone = text == before and meant == ("key",)  # it was not there
    if not gone and (not differs or not differs <= set(meant)):
        said = ", ".join(sorted(differs)) or "nothing"
        raise Refused(f"{said} would change instead of {meant[0]}, so nothing was, in: {before}")
    if "counting" in meant or not in_place(table, text):
        rebuild(table, text)


def in_place(table: str, text: str) -> bool:
    """Let this be the text of the table, or do nothing where SQLite does not let us."""
    connection = op.get_bind()
    try:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        write = "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?"
        connection.exec_driver_sql(write, (text, table))
    except DBAPIError:  # where the library defends its catalogue, for one
        return False
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")  # so that all look again
    return True


def shape(text: str, table: str) -> set[tuple[Any, ...]]:
    """Return what SQLite reads from the text of a table, and how many CHECKs, which it hides."""
    checks = re.findall(r"(?i)\bCHECK\b", bare(",".join(split(text)[0])))
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(text)
        facts = {fact for query in SHAPE for fact in scratch.execute(query, {"table": table})}
    return facts | {("CHECK", len(checks))}


def adopt(table: str) -> None:
    """Let a table that another hand made never use an id again; what broke off there goes."""
    stale = f"_alembic_tmp_{table}"
    if has_table(stale):
        left, here = rows_of(stale), rows_of(table) if has_table(table) else -1
        if left > here:
            raise Refused(
                f"{stale} is left of a run of Alembic that broke off, and has {left} rows; {table} "
                f"{f'has {here}' if here >= 0 else 'is gone'}. Nothing was changed: see which of "
                f"them is right, let it be {table} and drop the other, then run the command again."
            )
        op.drop_table(stale)
    if not counts(op.get_bind(), table):
        if len(keys := keys_of(table)) != 1:
            raise Refused(
                f"{table} needs a key of one column, and has {', '.join(keys) or 'none'}."
            )
        edit(table, partial(counting, key=keys[0]), "counting", "column", "index")


def counts(connection: sa.Connection, table: str) -> bool:
    """Whether the table never uses an id again, or is not there."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    text = connection.exec_driver_sql(query, (table,)).scalar()
    return not text or "AUTOINCREMENT" in words_of(text).upper()


def rebuild(table: str, text: str) -> None:
    """Write the table anew, of this text, or raise Refused."""
    connection = op.get_bind()
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise Refused(f"With foreign_keys on, {table} would take along what points at it.")
    before = catalogue()
    rows, words = rows_of(table), text.partition("(")[2]
    move(table, f"({words}")
    for (kind, name), sql in before.items():
        if kind in {"index", "trigger"} and (kind, name) not in catalogue():
            connection.exec_driver_sql(sql)
    after = catalogue()
    after["table", table] = after["table", table].partition("(")[2]
    if after != before | {("table", table): words}:
        raise Refused(f"{table} was not the same after it was written anew.")
    if rows_of(table) != rows:
        raise Refused(f"{table} had {rows} rows before it was written anew, and not after.")


def move(table: str, text: str) -> None:
    """Make the table of this text, with the rows and the next id of the one that it replaces."""
    connection, new = op.get_bind(), f"_rebuilt_{table}"
    xinfo = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table)})").all()
    columns = listed([row.name for row in xinfo if row.hidden == 0])
    connection.exec_driver_sql(f"CREATE TABLE {quoted(new)} {text}")
    execute(f"INSERT INTO {quoted(new)} ({columns}) SELECT {columns} FROM {quoted(table)}")
    if counts(connection, new):
        counted = f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"
        execute(f"DELETE FROM sqlite_sequence WHERE name = '{new}' AND EXISTS ({counted})")
        execute(f"INSERT INTO sqlite_sequence (seq, name) SELECT seq, '{new}' FROM ({counted})")
    execute(f"DROP TABLE {quoted(table)}")
    # In its old way, renaming leaves alone what views, triggers and keys say of this table.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    execute(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")


def rows_of(table: str) -> int:
    return op.get_bind().exec_driver_sql(f"SELECT COUNT(*) FROM {quoted(table)}").scalar_one()


def catalogue() -> Catalogue:
    """Return the text of everything that is in the database, by its kind and name."""
    query = (
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND "
        "name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(row.type, row.name): row.sql for row in op.get_bind().exec_driver_sql(query)}
