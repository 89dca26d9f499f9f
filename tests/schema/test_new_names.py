"""What `flask db migrate` writes for a new name lets both releases write, and changes nothing else.

And what it refuses, because more would change than a name.
"""

import re
from pathlib import Path

import pytest

from app.revisions import shape
from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import change_models, db, ruff
from tests.schema.test_authoring import answered, migrate, new_files

INSERT = (
    "INSERT INTO user_session (user_id, digest, remembered, ip, {0}, created_at, last_seen_at) "
    "SELECT id, '{1}', {2}, '::1', '{1}', '2026-11-01', '2026-11-01' FROM \"user\""
)
AGENT = (
    "from app.accounts.models import UserSession as Of\n"
    "Of.agent = mapped_column(sa.String(256), nullable=False)"
)


def run(schema: Schema, project: Path, *command: str) -> None:
    ran = db(schema, project / "migrations", *command)
    assert ran.exit_code == 0, ran.output


def what_stands(schema: Schema) -> shape.Shape:
    with schema.engine.connect() as connection:
        return shape.of(connection)


def test_a_required_column_is_written_under_both_names(at_head: Schema, project: Path) -> None:
    before = what_stands(at_head)
    no = "false" if at_head.dialect == "postgresql" else "0"
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    at_head.execute(INSERT.format("user_agent", "before", no))
    change_models(project, AGENT, without="user_agent:")
    answered(at_head, project, "y")
    assert ruff(*new_files(project)) == ""
    assert db(at_head, project / "migrations", "lint").output == "Nothing dangerous was found.\n"

    run(at_head, project, "expand")
    at_head.execute(INSERT.format("user_agent", "old", no))
    at_head.execute(INSERT.format("agent", "new", no))

    both = "SELECT user_agent, agent FROM user_session ORDER BY id"
    assert at_head.rows(both) == [("before", None), ("old", "old"), ("new", "new")]
    run(at_head, project, "upgrade")
    for command in (("downgrade", HEAD), ("upgrade",)):
        run(at_head, project, *command)
        [name] = at_head.columns("user_session") & {"agent", "user_agent"}
        rows = at_head.rows(f"SELECT {name} FROM user_session ORDER BY id")
        assert rows == [("before",), ("old",), ("new",)]
        assert (what_stands(at_head) == before) == (command[0] == "downgrade")
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout


KINDS = {
    "_id": 'sa.ForeignKey("user.id"), nullable=True, index=True',
    "_at": "UTCDateTime, nullable=True",
    "_key": "key(20), nullable=True",
}


def test_the_old_name_comes_back_in_the_words_of_the_model(at_head: Schema, project: Path) -> None:
    change_models(project, *(f"User.old{kind} = mapped_column({KINDS[kind]})" for kind in KINDS))
    assert migrate(at_head, project, "-m", "Adding").returncode == 0
    run(at_head, project, "upgrade")
    added, before = at_head.version or "", what_stands(at_head)
    at_head.execute("INSERT INTO \"user\" (name, old_key) VALUES ('alice', 'k')")
    at_head.execute("UPDATE \"user\" SET old_id = id, old_at = '2026-01-01 10:11:12'")
    was = at_head.rows('SELECT old_id, old_at, old_key FROM "user"')
    # Not as long as the old names: Python takes a file of the same second and size for the same.
    for kind in KINDS:
        line = f"User.newer{kind} = mapped_column({KINDS[kind]})"
        change_models(project, line, without="User.old")

    said = answered(at_head, project, "y\ny\ny")

    assert len([file for file in new_files(project) if file.name[:4] > added]) == 5, said
    plan = db(at_head, project / "migrations", "plan")
    assert "keep_in_step user" in plan.output, plan.output
    run(at_head, project, "upgrade")
    assert at_head.rows('SELECT newer_id, newer_at, newer_key FROM "user"') == was
    run(at_head, project, "downgrade", added)
    assert at_head.rows('SELECT old_id, old_at, old_key FROM "user"') == was
    assert what_stands(at_head) == before


def test_who_clears_the_new_name_finds_it_cleared(at_head: Schema, project: Path) -> None:
    at_head.execute("INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A')")
    change_models(
        project, "User.shown_name = mapped_column(sa.String(128))", without="display_name"
    )
    answered(at_head, project, "y")
    run(at_head, project, "expand")
    run(at_head, project, "backfill")

    at_head.execute('UPDATE "user" SET shown_name = NULL')

    assert at_head.rows('SELECT display_name FROM "user"') == [(None,)]
    run(at_head, project, "contract")
    assert at_head.rows('SELECT shown_name FROM "user"') == [(None,)]


REFUSED = {
    "user.x is the new name of user.display_name and would have another type as well": (
        "User.x = mapped_column(sa.String(129))"
    ),
    "would have another type as well": "User.x = mapped_column(sa.Text)",
    "would have NOT NULL as well": "User.x = mapped_column(sa.String(128), nullable=False)",
    "would have another type and NOT NULL as well": (
        "User.x = mapped_column(sa.String(64), nullable=False)"
    ),
    "would have another foreign key as well": (
        "User.x = mapped_column(sa.String(128), sa.ForeignKey('user.name'), index=True)"
    ),
    "differ in case only": "User.Display_Name = mapped_column(sa.String(128))",
    "at which a foreign key points": (
        "User.x = mapped_column(sa.String(128))\n"
        "User.y = mapped_column(sa.String(64), sa.ForeignKey('user.x'), index=True)"
    ),
}


def test_a_rename_that_changes_more_is_refused_in_a_sentence(
    sqlite_at_head: Schema, project: Path
) -> None:
    change_models(project, without="display_name")
    models = project / "app" / "accounts" / "models.py"
    text = models.read_text()
    for reason, line in REFUSED.items():
        models.write_text(f"{text}\n{line}\n")

        said = " ".join(answered(sqlite_at_head, project, "y").split())

        assert reason in said
        assert "Traceback" not in said
        assert new_files(project) == []


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_key_that_does_something_else_is_another_key(at_head: Schema, project: Path) -> None:
    key = 'CONSTRAINT fk_user_old_id_user REFERENCES "user" (id) ON DELETE SET NULL'
    line = 'User.new_id = mapped_column(sa.ForeignKey("user.id", ondelete="{}"), index=True)'
    at_head.execute(f'ALTER TABLE "user" ADD COLUMN old_id INTEGER {key}')

    change_models(project, line.format("CASCADE"))
    said = answered(at_head, project, "y")
    assert "would have another foreign key as well" in " ".join(said.split())
    change_models(project, line.format("SET NULL"), without="User.new_id")
    said = answered(at_head, project, "y")

    assert len(new_files(project)) == 3, said


OUT_OF_STEP = {
    ("JSON", "sa.JSON"): "which is JSON",
    ("FLOAT", "sa.Float"): "MariaDB tells Python but six digits",
    ("INTEGER DEFAULT 7", "sa.Integer"): "a server_default that would be written in place",
}


@pytest.mark.parametrize("engine", ["postgresql"])
def test_what_cannot_be_kept_in_step_is_refused_in_a_sentence(
    at_head: Schema, project: Path
) -> None:
    for (stands, kind), reason in OUT_OF_STEP.items():
        at_head.execute(f'ALTER TABLE "user" ADD COLUMN before {stands}')
        change_models(project, f"User.after = mapped_column({kind})", without="User.after")

        said = " ".join(answered(at_head, project, "y").split())

        assert reason in said
        assert new_files(project) == []
        at_head.execute('ALTER TABLE "user" DROP COLUMN before')


ASKED = {"BOOL": "sa.Boolean", "UUID": "sa.Uuid", "VARCHAR(4)": "sa.Enum(Hue, native_enum=False)"}
HUE = "import enum\n\n\nclass Hue(enum.Enum):\n    red = 1\n    blue = 2\n\n"


@pytest.mark.parametrize("engine", ["mariadb"])
def test_what_the_engine_calls_alike_is_asked_about_too(at_head: Schema, project: Path) -> None:
    change_models(project, HUE)
    for stands, kind in ASKED.items():
        at_head.execute(f'ALTER TABLE "user" ADD COLUMN earlier {stands}')
        change_models(project, f"User.later = mapped_column({kind})", without="User.later")

        made = migrate(at_head, project, "-m", "Renaming")

        assert "user.earlier goes and user.later comes, which is alike" in made.stderr
        assert new_files(project) == []
        at_head.execute('ALTER TABLE "user" DROP COLUMN earlier')


def test_a_new_name_that_is_taken_is_not_asked_about_again(
    sqlite_at_head: Schema, project: Path
) -> None:
    for name in "ab":
        sqlite_at_head.execute(f"ALTER TABLE user ADD COLUMN {name} VARCHAR(20)")
    change_models(project, "User.c = mapped_column(sa.String(20))")

    said = answered(sqlite_at_head, project, "y")

    assert len(re.findall(r"Is user\.c the new name of user\.[ab]\?", said)) == 1
    assert re.search(r"user\.[ab] has a new name and\s+user\.[ab] goes: migrate one", said)
    assert new_files(project) == []


DOCUMENT = """

class {0}(Model):
    __tablename__ = "document_{0}"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[{1}] = mapped_column({2}primary_key=True)
    {3}: Mapped[str | None] = mapped_column(sa.String(20))
"""
IDS = {
    "of_uuid": ("uuid.UUID", "", "00000000-0000-0000-0000-00000000000a"),
    "of_text": ("str", "key(26), ", "5x"),
    "of_number": ("int", "big_id(), ", str(2**40)),
}


def test_a_backfill_goes_by_whatever_the_id_is(at_head: Schema, project: Path) -> None:
    models = project / "app" / "accounts" / "models.py"
    text = models.read_text() + "\n\nimport uuid\n"

    def model(column: str) -> None:
        every = [DOCUMENT.format(name, *IDS[name][:2], column) for name in IDS]
        models.write_text(text + "".join(every))

    model("title")
    assert migrate(at_head, project, "-m", "Adding").returncode == 0
    run(at_head, project, "upgrade")
    added = at_head.version or ""
    for name, (*_, value) in IDS.items():
        key = value.replace("-", "") if at_head.dialect == "sqlite" else value
        at_head.execute(f"INSERT INTO document_{name} (id, title) VALUES ('{key}', 'a')")
    model("heading")

    answered(at_head, project, "y\ny\ny")

    for command in (("upgrade",), ("downgrade", added), ("upgrade",)):
        run(at_head, project, *command)
        column = "title" if command[0] == "downgrade" else "heading"
        for name in IDS:
            assert at_head.rows(f"SELECT {column} FROM document_{name}") == [("a",)]
