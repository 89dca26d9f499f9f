"""What is noted of a step beside when it ran: as what its file stood there, by whom, and where."""

import functools
import getpass
import hashlib
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic.script import Script


def of(revision: Script) -> dict[str, Any]:
    """Return the release, the digest of the file, and who runs it, as app.schema.state has them."""
    return {"release": release(), "digest": digest(revision), "who": operator()}


def digest(revision: Script) -> str:
    """Return what the file comes to: another one once anybody edits it."""
    return hashlib.sha256(Path(revision.path).read_bytes()).hexdigest()


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
