"""The models and the revisions tell of the same schema, on three engines."""

import re
from pathlib import Path

from alembic.script import ScriptDirectory

from app.db import TABLE_OPTIONS
from app.revisions import readiness
from app.schema import ddl
from tests.schema.comparison import differences
from tests.schema.conftest import Schema


def test_models_and_revisions_agree(schema: Schema) -> None:
    schema.upgrade()

    assert differences(schema) == []
    with schema.app.app_context():
        result = schema.app.test_cli_runner().invoke(args=["db", "check"])
    assert result.exit_code == 0


def test_the_frozen_options_are_still_what_the_models_want() -> None:
    assert ddl.TABLE_OPTIONS == TABLE_OPTIONS


def test_the_story_is_numbered_linear_and_told_by_its_files() -> None:
    script = ScriptDirectory(str(readiness.MIGRATIONS))
    story = list(reversed(list(script.walk_revisions())))

    assert [each.revision for each in story] == [f"{n + 1:04}" for n in range(len(story))]
    assert (readiness.MIGRATIONS / "HEAD").read_text() == f"{story[-1].revision}\n"
    assert readiness.story() == {each.revision: each.module.stage for each in story}
    for revision in story:
        assert revision.module.stage in {"expand", "backfill", "contract"}
        assert revision.doc.endswith(f"[{revision.module.stage}]")
        assert Path(revision.path).name.startswith(f"{revision.revision}_")
        assert not re.search(
            r"^(from|import) app\.(?!schema\b)", Path(revision.path).read_text(), re.M
        )
        if revision.module.stage == "contract":
            assert all(
                readiness.story()[number] == "backfill" for number in revision.module.requires_done
            )
            assert hasattr(revision.module, "would_lose") == hasattr(
                revision.module, "irreversible"
            )


def test_ids_are_never_used_again(at_head: Schema) -> None:
    for name in ("alice", "bob"):
        at_head.execute('INSERT INTO "user" (name) VALUES (:name)', name=name)
    bob = at_head.scalar("SELECT id FROM \"user\" WHERE name = 'bob'")
    at_head.execute("DELETE FROM \"user\" WHERE name = 'bob'")
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('carol')")

    assert at_head.scalar("SELECT id FROM \"user\" WHERE name = 'carol'") > bob


def test_names_compare_byte_for_byte(at_head: Schema) -> None:
    for name in ("alice", "Alice", "alice ", "älice"):
        at_head.execute('INSERT INTO "user" (name) VALUES (:name)', name=name)

    assert at_head.scalar("SELECT COUNT(*) FROM \"user\" WHERE name = 'alice'") == 1
