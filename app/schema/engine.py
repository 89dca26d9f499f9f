"""What the operations ask before they act: which engine, what stands there, may it commit."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError, InvalidRequestError

log = logging.getLogger(__name__)

# Safest first. One that MariaDB cannot do this way is refused at once, and changes nothing.
ALGORITHMS = ("INSTANT", "NOCOPY", "INPLACE")
NOT_THIS_WAY = {1845, 1846}

LONGEST = 63  # bytes: PostgreSQL cuts what is longer, and MariaDB refuses it
NAMED = 10  # of the rows that stand in the way
BRIEF = "2s"
CANCELLED = "57014"


class Refused(RuntimeError):
    """A step was not taken, and what it had begun was undone; it says why, and what to do."""


def dialect() -> str:
    return op.get_context().dialect.name


def is_script() -> bool:
    """Whether SQL is written to a file: there is no database to ask."""
    return op.get_context().as_sql


def quoted(name: str) -> str:
    return op.get_context().dialect.identifier_preparer.quote(name)


def listed(columns: list[str], prefix: str = "") -> str:
    return ", ".join(prefix + quoted(column) for column in columns)


def short(name: str) -> str:
    """Return a name that is made from others as each engine takes it: cut, and yet its own."""
    text, digest = name.encode(), hashlib.sha256(name.encode()).hexdigest()[:8]
    cut = text[: LONGEST - 9].decode(errors="ignore")
    return name if len(text) <= LONGEST else f"{cut}_{digest}"


def execute(statement: str) -> None:
    """Run a statement that has no parameters, whatever signs it has."""
    op.execute(sa.text(statement.replace(":", "\\:")))


def undoubled(sql: str, dialect: sa.Dialect) -> str:
    """Return SQL that was compiled as the engine gets it: some drivers want each % twice."""
    return sql.replace("%%", "%") if dialect.paramstyle in {"format", "pyformat"} else sql


def fetch(query: str) -> list[sa.Row[Any]]:
    return list(op.get_bind().execute(sa.text(query.replace(":", "\\:"))).all())


def inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())


def done(stands: Callable[[sa.Inspector], bool]) -> bool:
    """Whether the database says that this step was taken; a script without one cannot ask."""
    return not is_script() and stands(inspector())


def made_here(table: str) -> bool:
    """Whether the script that is being written makes this table itself: nobody uses it yet."""
    return table in op.get_context().opts.get("made", ())


def has_table(table: str) -> bool:
    return not is_script() and inspector().has_table(table)


def columns_of(table: str) -> set[str]:
    return names(inspector().get_columns(table)) if has_table(table) else set()


def names(reflected: list[Any]) -> set[str]:
    return {item["name"] for item in reflected}


def keys_of(table: str) -> list[str]:
    return list(inspector().get_pk_constraint(table)["constrained_columns"])


def holds_rows(table: str) -> bool:
    return bool(fetch(f"SELECT 1 FROM {quoted(table)} LIMIT 1"))


def first_of(rows: list[str], separator: str) -> str:
    """Return the first ten, and whether there are more."""
    return separator.join(rows[:NAMED]) + (" and more" if len(rows) > NAMED else "")


def is_callers() -> bool:
    """Whether the transaction is the caller's, so that nothing here may commit."""
    return bool(op.get_context().opts.get("in_callers_transaction"))


@contextmanager
def autocommitted() -> Iterator[sa.Connection]:
    """End the revision's own transaction, so that what follows commits; leave a caller's alone."""
    broke = None
    try:
        with nullcontext() if is_callers() else op.get_context().autocommit_block():
            try:
                yield op.get_bind()
            except DBAPIError as error:
                broke = error
                raise
    except InvalidRequestError:
        if broke is None:
            raise
        raise broke from None  # the block cannot end on a connection that broke, and says only that


@contextmanager
def brief() -> Iterator[None]:
    """Undo what is done here if it takes long, or raise Refused: nobody can read meanwhile.

    On PostgreSQL, where some changes of a table write all of it anew.
    """
    if dialect() != "postgresql" or is_script():
        yield
        return
    connection = op.get_bind()
    usual = connection.exec_driver_sql("SHOW statement_timeout").scalar()
    connection.exec_driver_sql(f"SET statement_timeout = '{BRIEF}'")
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != CANCELLED:
            raise
        raise Refused(
            f"This lets nobody read, and was not done in {BRIEF}: {error.statement}. It was "
            "undone. Where it writes the table anew, add an empty column and fill it instead; "
            "else run the command again when less is going on."
        ) from error
    finally:
        with suppress(DBAPIError):  # a transaction that is spoilt takes the setting back itself
            connection.exec_driver_sql(f"SET statement_timeout = '{usual}'")


def alter(table: str, change: str, safest: str = "INSTANT") -> None:
    """Alter a table of MariaDB in the way that makes nobody wait, of those that can do this.

    `safest` is the first that this kind of change can go at all. Where there is none, and there
    are rows, raise Refused.
    """
    begin = f"ALTER TABLE {quoted(table)}"
    if is_script():
        execute(f"{begin} {change}, ALGORITHM={safest}, LOCK=NONE")
        return
    for algorithm in ALGORITHMS[ALGORITHMS.index(safest) :]:
        try:
            wait = ""
            if algorithm != "INSTANT":
                # It wants the table to itself at its end too, where giving up would undo it all.
                # So it may wait, once it is clear that nobody stays: this changes nothing.
                execute(f"{begin} ENABLE KEYS")
                wait = "WAIT 1 "
            execute(f"{begin} {wait}{change}, ALGORITHM={algorithm}, LOCK=NONE")
        except DBAPIError as error:
            if next(iter(getattr(error.orig, "args", ())), None) not in NOT_THIS_WAY:
                raise
        else:
            return
    if holds_rows(table):
        raise Refused(
            f"MariaDB can do this only by copying {table}, and whoever writes waits meanwhile: "
            f"{begin} {change}. Nothing was changed: add an empty column instead, without a "
            "default or of the new type, fill it by a backfill and drop the old one in a contract. "
            "With the site stopped, run that statement by hand and then this command again."
        )
    execute(f"{begin} {change}")


def note(text: str) -> None:
    """Tell the operator what the statements do not say."""
    if is_script():
        op.get_context().impl.static_output(f"-- {text}")
    else:
        log.warning(text)
