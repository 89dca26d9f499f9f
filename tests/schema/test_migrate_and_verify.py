"""The story of this project, and what `flask db migrate` writes after it, hold on each engine."""

import json
from pathlib import Path

import pytest

from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import change_models, db
from tests.schema.test_authoring import FIELDS, PET, RENAMED, answered, migrate, new_files

POINTING = '    boss_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"), index=True)'
# Required from now on, and longer.
REQUIRED = "    origin: Mapped[str] = mapped_column(sa.String(30))"
CHECKED = PET.replace(
    "= TABLE_OPTIONS", '= (sa.CheckConstraint("user_id > 0", name="owned"), TABLE_OPTIONS)'
)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_the_story_and_the_usual_changes_after_it_hold(at_head: Schema, project: Path) -> None:
    at_head.execute(
        "INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A'), ('bob', NULL)"
    )

    # New fields, a table, an index, a key, and a column that is stricter and longer.
    change_models(project, CHECKED, fields=(*FIELDS, POINTING, REQUIRED), without="origin")
    made = migrate(at_head, project, "-m", "Adding")
    assert made.returncode == 0, made.stderr
    upgrade(at_head, project)
    # Another name.
    change_models(project, RENAMED, without="display_name")
    answered(at_head, project, "y")
    upgrade(at_head, project)
    # What goes: a column, and one that is unique with its index.
    for field in ("phone", "code"):
        change_models(project, without=f"{field}:")
    made = migrate(at_head, project, "-m", "Dropping")
    assert made.returncode == 0, made.stderr

    verified = at_head.start("db", "verify", "--json", cwd=project)
    verified.wait(timeout=300)

    walks = json.loads(verified.stdout)
    assert [walk["engine"] for walk in walks] == ["sqlite", at_head.dialect]
    newest = new_files(project)[-1].name[:4]
    for walk in walks:
        assert walk["failures"] == []
        assert walk["revisions"][-1] == newest
        assert any("0004: UPDATE" in each for each in walk["contracts_break"])
    assert int(newest) > int(HEAD) + 8
    assert verified.returncode == 0


def upgrade(schema: Schema, project: Path) -> None:
    ran = db(schema, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
