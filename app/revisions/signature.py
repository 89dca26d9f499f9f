"""What is noted of a step beside when it ran: as what its file stood there, by whom, and where."""

import functools
import getpass
import hashlib
import logging
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from app.revisions import reading
from app.schema import state

log = logging.getLogger(__name__)


def of_this_run() -> Callable[[Script], dict[str, Any]]:
    """Return what tells, of a step, its release, the digest of its file, and who runs it.

    As app.schema.state has them. Git is asked here, where nobody waits for the run yet.
    """
    known = {"release": release(), "who": operator()}
    return lambda revision: known | {"digest": digest(revision)}


def digest(revision: Script) -> str:
    """Return what the file comes to: another one once anybody edits it."""
    return hashlib.sha256(Path(revision.path).read_bytes()).hexdigest()


def edited(script: ScriptDirectory, runs: Sequence[Any]) -> dict[str, str]:
    """Return what to do about each file, by its name, that is not any more what ran here.

    `runs` are the notes of this database, newest first.
    """
    last = {row.revision: row for row in reversed(runs) if row.outcome != "failed"}
    found = {}
    for revision in reading.history(script):
        row = last.get(revision.revision)
        if row is None or row.outcome != "upgraded" or row.digest is None:
            continue
        if row.digest != digest(revision):
            found[Path(revision.path).name] = (
                f"{revision.revision} was edited after it ran here: put it back as it was "
                "(`git log` has it), and write what is to change as a revision of its own."
            )
    return found


def compared(steps_of: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what a command wants done, so that it first warns of files that were edited."""

    def steps(heads: Any, context: MigrationContext) -> Any:
        if context.script is not None and context.connection is not None:
            for said in edited(context.script, state.history(context.connection)).values():
                log.warning(said)
        return steps_of(heads, context)

    return steps


@functools.cache
def release() -> str | None:
    """Return what git calls this release, or None where it was put without git."""
    describe = ["git", "describe", "--always", "--tags"]
    with suppress(OSError):
        found = subprocess.run(
            describe, check=False, capture_output=True, text=True, cwd=Path(__file__).parent
        )
        return found.stdout.strip()[:64] or None
    return None


def operator() -> str:
    """Return who runs this, as the machine knows them: user@host."""
    user = "?"
    with suppress(OSError, KeyError):  # as in a container, whose user may have no name
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()}"[:128]
