"""What `flask db migrate` has written is tried, and nothing of it stays where that fails."""

from pathlib import Path

import pytest

from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import change_models
from tests.schema.test_authoring import migrate, new_files

ODD = """

class Odd(sa.String):
    __module__ = "sqlalchemy.types"  # so that it is written as one of theirs

    def __repr__(self) -> str:
        return {}


User.odd = mapped_column(Odd(9), nullable={})
"""
CAUSES = {
    "NameError: name 'Text' is not defined": ("'String(Text)'", True),
    "AttributeError: module 'sqlalchemy' has no attribute 'Odd'": ("'Odd(9)'", False),
    "KeyError: 'no words'": ("{}['no words']", False),
    "TypeError: unsupported operand type(s) for +": ("'Interval()'", False),
    "TypeError: SQLite Date type only accepts Python date": ("'Date()'", False),
    "native ENUM: its type outlives": ('\'Enum("a", name="odd")\'', True),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_would_not_run_does_not_stay(
    sqlite_at_head: Schema, project: Path, cause: str
) -> None:
    change_models(project, ODD.format(*CAUSES[cause]))

    made = migrate(sqlite_at_head, project, "-m", "Adding")

    assert made.returncode == 1
    assert f"cannot be written so that it runs on each engine ({cause}" in made.stderr
    assert "write it by hand, from `flask db revision`" in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []
    assert (project / "migrations" / "HEAD").read_text() == f"{HEAD}\n"
