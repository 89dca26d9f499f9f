"""What can be wrong around a command, each in a sentence that says what to do."""

import re
import sqlite3
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from alembic.script import ScriptDirectory, revision
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, NoReferenceError

# What the oldest engine is that has all the statements we send.
OLDEST = {"sqlite": (3, 35), "postgresql": (13,), "mariadb": (10, 6)}

NO_DATABASE = "The database does not answer ({}): is DATABASE_URL right, and the server up?"
NO_SUCH_DATABASE = "There is no such database ({}): create it, or mend DATABASE_URL."
NO_FILE = (
    "The file of the database cannot be opened ({}): is its folder there, may this user write in "
    "it, and is DATABASE_URL right?"
)
NO_ENTRY = (
    "The database does not let this user in ({}): are user and password in DATABASE_URL right?"
)
NO_PRIVILEGE = "The database does not let this user do that ({}): grant it, or use the owner."
NO_TRIGGER = (
    "MariaDB lets this user make no trigger while it writes a binary log: as an administrator, "
    "SET GLOBAL log_bin_trust_function_creators = 1, then run the command again."
)
NO_ROOM = "The disk of the database is full ({}): make room, then run the command again."
BAD_DISK = "The disk of the database does not work ({}): is it full, or does it fail?"
DUPLICATES = "A unique index found rows that share a value ({}): make them differ, then go on."
BROKEN = "The revision {}, line {}, cannot be run: {}. Mend it, then run the command again."
TORN = (
    "The revision files make no line from first to last ({}): check out what the release has, or "
    "mend `revision` and `down_revision`."
)
NONE_ASKED_FOR = "The revision that was asked for is empty: name one, or leave it out."
POINTS_AT_NOTHING = (
    "A model points at what no model describes ({}): mend the name in sa.ForeignKey, or see that "
    "the model it points at is imported."
)
IMPOSSIBLE = "The database refused: {}."

KNOWN: dict[str, set[Any]] = {
    # MariaDB by number, PostgreSQL by SQLSTATE, SQLite by result code under a name.
    NO_DATABASE: {2002, 2003, 2005, 2006, 2013, "08001", "08006"},
    NO_SUCH_DATABASE: {1049, "3D000"},
    NO_FILE: {"CANTOPEN"},
    NO_ENTRY: {1045, "28000", "28P01"},
    NO_PRIVILEGE: {1044, 1142, 1143, 1227, "42501", "READONLY", "PERM"},
    NO_TRIGGER: {1419},
    NO_ROOM: {1021, 1114, 3, 28, "53100", "FULL"},
    BAD_DISK: {"IOERR"},
    DUPLICATES: {1062, "23505", "CONSTRAINT_UNIQUE"},
}
# Where the code does not tell: libpq has none while it connects, MariaDB one for many reasons.
MANY = {1005, 1030}
IN_WORDS = {
    NO_ROOM: r"\b(errno: (28|135)|error 28)\b",
    NO_SUCH_DATABASE: r"FATAL: +database .* does not exist",
    NO_ENTRY: r"FATAL: +(role .* does not exist|password authentication|no pg_hba)",
    NO_DATABASE: r"connect|resolve host",
}


@contextmanager
def told() -> Iterator[None]:
    """Let a command that fails end with its sentence, and with no traceback."""
    try:
        with warnings.catch_warnings():
            # Alembic warns, from a line of its own code, of what then fails with our sentence.
            warnings.filterwarnings("ignore", r"Revision .* referenced from .* is not present")
            yield
    except (click.Abort, click.exceptions.Exit):
        raise  # a RuntimeError each, and nothing failed: somebody read the help, or said no
    except Exception as error:
        if (words := said(error)) is None:
            raise
        raise click.ClickException(words) from error


def said(error: Exception) -> str | None:
    """Return what an error means for whoever ran the command; None of a fault that is ours."""
    if isinstance(error, DBAPIError):
        return sentence(error)
    if isinstance(error, CommandError | RuntimeError):
        return str(error)
    if (words := of_a_file(error)) is None and isinstance(error, NoReferenceError):
        return POINTS_AT_NOTHING.format(error)
    return words


def of_a_file(error: Exception) -> str | None:
    """Return what is wrong with a file of the history, or with the revision that was asked for."""
    if isinstance(error, SyntaxError):
        return BROKEN.format(Path(error.filename or "").name, error.lineno, error.msg)
    frames = traceback.extract_tb(error.__traceback__)
    if frames[-1].filename == revision.__file__:  # Alembic has no words for these
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        return TORN.format(what) if what else NONE_ASKED_FOR
    for frame in reversed(frames):
        if is_revision(frame.filename):
            words = f"{type(error).__name__}: {error}"
            return BROKEN.format(Path(frame.filename).name, frame.lineno, words)
    file = str(getattr(getattr(error, "obj", None), "__file__", ""))
    if isinstance(error, AttributeError) and is_revision(file):
        return f"{Path(file).name} does not say its `{error.name}`."  # its stage
    if isinstance(error, OSError) or type(error) is ImportError:  # env.py, or alembic.ini
        return f"The folder of the revisions cannot be used: {error}."
    return None


def is_revision(file: str) -> bool:
    return Path(file).parent.name == "versions"


def sentence(error: DBAPIError) -> str:
    code = code_of(error)
    said = " ".join(words_of(error).split()).rstrip(".")
    kind = next((kind for kind, codes in KNOWN.items() if code in codes), None)
    if kind is None and (code is None or code in MANY):
        kind = next((kind for kind, words in IN_WORDS.items() if re.search(words, said)), None)
    return (kind or IMPOSSIBLE).format(said)


def words_of(error: DBAPIError) -> str:
    arguments: tuple[Any, ...] = getattr(error.orig, "args", ())
    return f"{arguments[0]}: {arguments[1]}" if len(arguments) == 2 else str(error.orig)


def code_of(error: DBAPIError) -> Any:
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "").removeprefix("SQLITE_")
        return name if name.startswith("CONSTRAINT") else name.partition("_")[0]
    number = next(iter(getattr(error.orig, "args", ())), None)
    return number if isinstance(number, int) else getattr(error.orig, "sqlstate", None)


def too_old(connection: sa.Connection) -> str | None:
    """Return why this engine cannot be used, or None."""
    dialect = connection.dialect
    least, stands = OLDEST.get(dialect.name), tuple(dialect.server_version_info or ())
    if dialect.name == "mysql" or least is None:
        return f"This is {dialect.name}: use SQLite, PostgreSQL or MariaDB."
    if stands < least:
        version, wanted = (".".join(map(str, each)) for each in (stands, least))
        return f"This is {dialect.name} {version}: use {wanted} or a newer one."
    return None


def no_file(url: sa.URL) -> str | None:
    """Return why there is nothing to look at yet, before looking would make an empty file."""
    path = url.database
    if url.get_backend_name() == "sqlite" and path and not Path(path).exists():
        if not Path(path).parent.exists():
            return f"There is no folder {Path(path).parent}: make it, or mend DATABASE_URL."
        return f"There is no database yet at {path}: `flask db upgrade` makes it."
    return None


def of_the_story(script: ScriptDirectory, heads: tuple[str, ...]) -> str | None:
    """Return what is wrong with the revision files, or with where the database stands in them."""
    files = Path(script.versions).glob("[0-9]*_*.py")
    twice = [n for n, count in Counter(file.name[:4] for file in files).items() if count > 1]
    newest = script.get_heads()
    if twice or len(newest) > 1:
        both = ", ".join(sorted(twice or newest))
        return (
            f"The history has two ends ({both}), as when two branches met: give the younger "
            "change the next free numbers, in its file names, `revision` and `down_revision`."
        )
    known = {revision.revision for revision in script.walk_revisions()}
    for number in set(heads) - known:
        return (
            f"The database stands at {number}, and no file here has that revision: check out the "
            "release that has it (`flask db status` names what ran), or one that is newer."
        )
    return None


def of_the_newest(script: ScriptDirectory) -> str | None:
    """Return why the file HEAD is not the newest number; None where it is, or there is none."""
    file, newest = Path(script.dir) / "HEAD", script.get_heads()
    noted = file.read_text(encoding="utf-8").strip() if file.exists() else None
    if noted is None or [noted] == newest:
        return None
    return (
        f"It says {noted!r} and the newest revision is {', '.join(newest) or 'none'}: write that "
        "into it, which is what makes two branches meet in git and not at the database."
    )


def of_the_catalogue(connection: sa.Connection) -> Iterator[str]:
    """Yield what PostgreSQL has and does not stand by: what broke off stays, and nobody sees it."""
    if connection.dialect.name != "postgresql":
        return
    for index in connection.exec_driver_sql(INVALID).scalars():
        yield (
            f"index {index} is INVALID: its build broke off, and nothing uses it. Run the command "
            f"that built it again, or DROP INDEX CONCURRENTLY {index}."
        )
    for table, constraint in connection.exec_driver_sql(UNCHECKED):
        yield (
            f"constraint {constraint} of {table} was never validated: rows may break it. "
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}."
        )


# Not one that is being built at this moment.
INVALID = (
    "SELECT indexrelid::regclass FROM pg_index i WHERE NOT indisvalid AND NOT EXISTS "
    "(SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
)
UNCHECKED = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated"


def explained(error: CommandError, script: ScriptDirectory, heads: tuple[str, ...]) -> CommandError:
    """Return Alembic's refusal in our words, where we know more than it says."""
    if reason := of_the_story(script, heads):
        return CommandError(reason)
    said, stands, newest = str(error), ", ".join(heads) or "nothing", script.get_current_head()
    if "not up to date" in said:
        return CommandError(
            f"The database stands at {stands} and the newest revision is {newest}: "
            "run `flask db upgrade` first, so that what is new can be told from what is old."
        )
    for pattern, words in DESTINATIONS.items():
        if found := re.search(pattern, said):
            return CommandError(words.format(found[1], stands=stands))
    return error


# What Alembic says of a destination that is none.
DESTINATIONS = {
    "Can't locate revision identified by '(.*)'": "There is no revision {}: `flask db history` "
    "lists those that there are.",
    r"Relative revision (\S+) didn't": "The database stands at {stands}, and there are not so many "
    "revisions as {} from there: `flask db history` lists them.",
    "Destination (.*) is not a valid downgrade": "The database stands at {stands}, which is not "
    "after {}: `flask db upgrade` is the way there.",
}
