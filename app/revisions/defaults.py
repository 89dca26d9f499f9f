"""Defaults that differ from row to row: with such a one, no engine adds a column in a moment."""

import re

# These are the same in all rows that are there, and each engine but SQLite notes them once.
DIFFERS = re.compile(r"\bDEFAULT\s+\(*(?!(?:now|current_\w+)\b)[a-z_]\w*\s*\(", re.IGNORECASE)
ANEW = {
    "postgresql": "everybody, while the table is written anew for a default that is a function; "
    "what takes more than two seconds is undone",
    "mariadb": "writers, for the table is copied for a default that is a function: it is refused "
    "where there are rows",
    "sqlite": "nobody: a default that is a function is refused where there are rows",
}


def differ(sql: str) -> bool:
    """Whether this statement adds a column whose default is a function."""
    return "ADD COLUMN" in sql and DIFFERS.search(sql) is not None
