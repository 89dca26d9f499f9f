"""docs/changing-the-schema.md is true: its commands are run as they stand there."""

import re
from pathlib import Path

from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import change_models, db

PAGE = (ROOT / "docs" / "changing-the-schema.md").read_text()
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
OUR_COMMANDS = {"plan", "lint", "expand", "backfill", "contract", "status", "verify"}
THEIRS = {"init", "migrate", "upgrade", "downgrade"}


def edit(project: Path, text: str) -> None:
    """Do to the models what a block of Python says."""
    where, line = text.rstrip("\n").split("\n")
    if where.endswith("into User"):
        change_models(project, fields=(line,))
    else:
        assert where.endswith("out of User")
        change_models(project, without=line.strip())


def run(schema: Schema, project: Path, text: str) -> None:
    """Run the commands of a block, and look for what it says that they say."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *expected = part.rstrip("\n").split("\n")
        command, _, remark = command.partition("  # ")
        failed, said = outcome(schema, project, *words(command))
        assert failed == (remark.strip() == "fails"), f"{command}: {said}"
        for line in expected:
            assert " ".join(line.split()) in said, f"{command}: {said}"


def outcome(schema: Schema, project: Path, *arguments: str) -> tuple[bool, str]:
    """Run a command, in a process of its own where it reads the models that were edited."""
    if {"init", "current", "migrate", "check", "verify"} & {*arguments}:
        result = schema.flask(*arguments, cwd=project)
        return result.returncode != 0, " ".join((result.stdout + result.stderr).split())
    here = db(schema, project / "migrations", *arguments[1:])
    return here.exit_code != 0, " ".join(here.output.split())


def words(command: str) -> list[str]:
    program, *arguments = re.findall(r'"[^"]*"|\S+', command)
    assert program == "flask"
    return [argument.strip('"') for argument in arguments]


def test_the_walk_through_is_true(sqlite: Schema, project: Path) -> None:
    for language, text in BLOCKS:
        if language == "python":
            edit(project, text)
        else:
            run(sqlite, project, text)

    assert "phone" in sqlite.columns("user")
    assert "display_name" not in sqlite.columns("user")
    assert (project / "elsewhere" / "env.py").exists()


def test_it_shows_every_command() -> None:
    shown = set(re.findall(r"^\$ flask db (\w+)", PAGE, re.MULTILINE))

    assert shown >= OUR_COMMANDS | THEIRS
