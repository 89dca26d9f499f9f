"""A rename that `flask db migrate` wrote goes down and up again with what people wrote since."""

from pathlib import Path
from time import monotonic
from types import SimpleNamespace

import pytest

from app.schema import progress
from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import change_models, db
from tests.schema.test_authoring import RENAMED, answered
from tests.schema.test_kept import kept_in
from tests.schema.test_run import Cut, power_failing_after, until_done

SHOWN = 'SELECT shown_name FROM "user" ORDER BY id'
DISPLAYED = 'SELECT display_name FROM "user" ORDER BY id'
WRITTEN = [("A2",), ("B",), (None,), ("D",)]


def renamed(schema: Schema, project: Path) -> Path:
    """Rename display_name, upgrade, and let people write."""
    schema.execute(
        'INSERT INTO "user" (name, display_name) VALUES '
        "('alice', 'A'), ('bob', 'B'), ('carol', 'C')"
    )
    change_models(project, RENAMED, without="display_name")
    answered(schema, project, "y")
    folder = project / "migrations"
    run(schema, folder, "upgrade")
    schema.execute("UPDATE \"user\" SET shown_name = 'A2' WHERE name = 'alice'")
    schema.execute("UPDATE \"user\" SET shown_name = NULL WHERE name = 'carol'")
    schema.execute("INSERT INTO \"user\" (name, shown_name) VALUES ('dave', 'D')")
    return folder


def run(schema: Schema, folder: Path, *command: str) -> None:
    ran = db(schema, folder, *command)
    assert ran.exit_code == 0, ran.output


def test_what_was_written_under_the_new_name_goes_down_and_up(
    at_head: Schema,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(progress, "LEAST", 2)
    folder = renamed(at_head, project)

    run(at_head, folder, "downgrade", "-3")
    assert at_head.version == HEAD
    assert at_head.rows(DISPLAYED) == WRITTEN
    assert "shown_name" not in at_head.columns("user")
    assert "is not kept" not in caplog.text
    run(at_head, folder, "upgrade")

    assert at_head.rows(SHOWN) == WRITTEN
    assert "display_name" not in at_head.columns("user")
    assert kept_in(at_head) == []


def test_both_releases_write_on_the_way_down(at_head: Schema, project: Path) -> None:
    folder = renamed(at_head, project)

    run(at_head, folder, "downgrade")
    assert at_head.rows(DISPLAYED) == at_head.rows(SHOWN) == WRITTEN
    at_head.execute("UPDATE \"user\" SET shown_name = 'A3' WHERE name = 'alice'")
    at_head.execute("UPDATE \"user\" SET display_name = 'B3' WHERE name = 'bob'")
    run(at_head, folder, "downgrade", HEAD)

    assert at_head.rows(DISPLAYED) == [("A3",), ("B3",), (None,), ("D",)]


def test_who_writes_meanwhile_has_a_turn_after_each_batch(
    sqlite_at_head: Schema, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = renamed(sqlite_at_head, project)
    turns: list[float] = []

    def sleep(seconds: float) -> None:
        sqlite_at_head.execute("UPDATE \"user\" SET shown_name = 'B4' WHERE name = 'bob'")
        turns.append(seconds)

    monkeypatch.setattr(progress, "LEAST", 1)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=monotonic, sleep=sleep))

    run(sqlite_at_head, folder, "downgrade")

    assert len(turns) >= 2
    assert sqlite_at_head.rows(DISPLAYED) == [("A2",), ("B4",), (None,), ("D",)]


@pytest.mark.parametrize("engine", ["mariadb"])
def test_on_mariadb_the_way_down_may_die_after_any_statement(
    at_head: Schema, project: Path
) -> None:
    folder = renamed(at_head, project)

    until_done(lambda to: at_head.downgrade(to, directory=str(folder)), HEAD)

    assert at_head.rows(DISPLAYED) == WRITTEN


@pytest.mark.parametrize("engine", ["mariadb"])
def test_what_an_old_release_writes_after_a_run_broke_off_stands(
    at_head: Schema, project: Path
) -> None:
    folder = renamed(at_head, project)
    run(at_head, folder, "downgrade", "-2")
    with power_failing_after(lambda statement: "DROP TRIGGER" in statement), pytest.raises(Cut):
        at_head.downgrade(HEAD, directory=str(folder))
    at_head.execute("UPDATE \"user\" SET display_name = 'B3' WHERE name = 'bob'")

    run(at_head, folder, "downgrade", HEAD)

    assert at_head.rows(DISPLAYED) == [("A2",), ("B3",), (None,), ("D",)]


def test_a_script_carries_back_too(at_head: Schema, project: Path) -> None:
    folder = renamed(at_head, project)
    newest = at_head.version

    script = db(at_head, folder, "downgrade", "--sql", f"{newest}:{HEAD}")

    assert script.exit_code == 0, script.output
    assert script.output.count("SET display_name=") == 1
