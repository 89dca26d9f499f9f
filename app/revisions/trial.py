"""Whether what `flask db migrate` has written would run: all of it is tried before it may stay.

No database is asked: SQL is written for each engine, and a backfill computes one row made up here.
"""

import logging
import re
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

from app.revisions import authoring, lint, proof, reading, rendered, troubles
from app.revisions.verify import quietly
from app.schema.backfill import Backfill

DRIVERS = ("sqlite", "postgresql+psycopg", "mariadb+pymysql")
UNFIT = (
    "This change cannot be written so that it runs on each engine ({}), and nothing of it stays: "
    "write it by hand, from `flask db revision`."
)
NOISE = re.compile(r"<\S+ object at \w+> | \(Background on this error.*")
MADE_UP: dict[type, Any] = {uuid.UUID: uuid.UUID(int=1), timedelta: timedelta(1), dict: {}}


@contextmanager
def all_or_nothing(config: Config) -> Iterator[None]:
    """Let the files stay that are written in here if all of them would run, and else none."""
    authoring.made.clear()
    try:
        yield
        with quietly(logging.INFO):  # of each script, Alembic would say that it writes it
            try_out(ScriptDirectory.from_config(config))
    except BaseException as error:
        written = set(authoring.made)
        authoring.undo()
        if isinstance(error, Exception) and (is_of(error, written) or not troubles.said(error)):
            raise CommandError(UNFIT.format(cause_of(error))) from error
        raise


def is_of(error: Exception, files: set[Path]) -> bool:
    """Whether it was one of these files, or what was tried with it, that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename == __file__ and frame.name == "try_out" for frame in frames) or any(
        Path(frame.filename) in files for frame in frames
    )


def cause_of(error: BaseException) -> str:
    """Return the first of what failed, in a line."""
    while isinstance(error, rendered.Unwritable) and error.__cause__:
        error = error.__cause__
    said = NOISE.sub("", next(iter(str(error).strip().splitlines()), "")).rstrip(".")
    if isinstance(error, Unfit):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class Unfit(Exception):
    """What `flask db lint` would find in a file that was written just now."""


def try_out(script: ScriptDirectory) -> None:
    """Do all that can be done with the new files without a database; raise what goes wrong."""
    revisions = reading.history(script)
    new = [revision for revision in revisions if Path(revision.path) in authoring.made]
    for driver in DRIVERS if new else ():
        dialect = sa.make_url(f"{driver}://").get_dialect()()
        for revision in new:
            try_on(dialect, revision)
    for revision, _, level, name, instead in lint.of_ours(revisions) if new else ():
        if level == "error" and revision in new:
            raise Unfit(f"{name}: {instead}")


def try_on(dialect: sa.Dialect, revision: Script) -> None:
    for function in ("upgrade", "downgrade"):
        rendered.statements(revision, dialect, function)
    module = revision.module
    queries = [getattr(module, "would_lose", None)]
    for check in getattr(module, "checks", []):
        queries += [check.query, check.examples]
    if work := getattr(module, "work", None):
        queries += [work.query, update_of(work, dialect)]
    for query in queries:
        if query is not None:
            query.compile(dialect=dialect)


def update_of(work: Backfill, dialect: sa.Dialect) -> sa.Update:
    """Return what would write the values that it computes, once this engine has taken them."""
    columns = [work.table.c[name] for name in ("id", *work.reads)]
    values = tuple(value_of(sa.Column(column.name, column.type)) for column in columns)
    keys = SimpleResultMetaData([column.name for column in columns])
    rows: Any = IteratorResult(keys, iter([values])).all()
    nowhere: Any = None  # what is written here looks at no other row
    [written] = work.compute(nowhere, rows).values()
    for name, value in written.items():
        process = work.table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if process:
            process(value)
    return work.update(list(written), sa.bindparam)


def value_of(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, sa.types.NullType):
        return "of no type"
    made_up = MADE_UP.get(column.type.python_type)
    return proof.value_of(column, 1) if made_up is None else made_up
