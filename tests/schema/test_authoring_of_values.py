"""What `flask db migrate` gives the rows of before, and which defaults it lets stand."""

import re
from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.histories import change_models, db, ruff
from tests.schema.test_authoring import answered, migrate, new_files

LEVEL = "class Level(enum.Enum):\n    low = 1\n    high = 2\n\n\n"
REFUSED = {
    "user.seen has a server_default that is no constant, of which each engine makes": (
        "    seen: Mapped[datetime] = mapped_column(server_default=sa.func.now())"
    ),
    "user.code has a server_default that is no constant": (
        '    code: Mapped[str | None] = mapped_column(server_default=sa.text("(uuid())"))'
    ),
    "All rows would share the server_default of user.badge, which must be unique: leave": (
        "    badge: Mapped[str] = mapped_column("
        "sa.String(20), unique=True, index=True, server_default='x')"
    ),
}
CHOICES = (
    "\nimport enum",
    f"\n\n{LEVEL}User.mood = mapped_column("
    'sa.Enum("good", "bad", native_enum=False, name="mood"), nullable=False)',
    "User.level = mapped_column(sa.Enum(Level, native_enum=False), nullable=False)",
    "User.top = mapped_column("
    "sa.Enum(Level, native_enum=False), nullable=False, default=Level.high)",
)


def test_a_choice_begins_with_one_that_it_has(at_head: Schema, project: Path) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    change_models(project, *CHOICES)

    made = migrate(at_head, project, "-m", "Adding choices")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert at_head.rows('SELECT mood, level, top FROM "user"') == [("good", "low", "high")]
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout


def test_a_choice_that_becomes_required_begins_with_one_that_it_has(
    sqlite_at_head: Schema, project: Path
) -> None:
    sqlite_at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    choice = (
        '    display_name: Mapped[str] = mapped_column(sa.Enum("a", length=128, native_enum=False))'
    )
    change_models(project, fields=(choice,), without="display_name")

    made = migrate(sqlite_at_head, project, "-m", "Requiring")

    assert made.returncode == 0, made.stderr
    ran = db(sqlite_at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert sqlite_at_head.rows('SELECT display_name FROM "user"') == [("a",)]


def test_a_boolean_default_written_on_sqlite_runs_on_each_engine(
    at_head: Schema, sqlite_at_head: Schema, project: Path
) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    kind = "    {0}: Mapped[bool] = mapped_column(server_default=sa.{1}())"
    change_models(project, fields=(kind.format("shy", "false"), kind.format("loud", "true")))

    made = migrate(sqlite_at_head, project, "-m", "Adding booleans")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    [row] = at_head.rows('SELECT shy, loud FROM "user"')
    assert [bool(each) for each in row] == [False, True]
    assert db(at_head, project / "migrations", "downgrade").exit_code == 0


@pytest.mark.parametrize(
    "default", ["'x'", "\"'it''s'\"", "sa.text(\"'x'\")", "sa.literal('x')", "sa.text('7')"]
)
def test_a_constant_default_is_written(sqlite_at_head: Schema, project: Path, default: str) -> None:
    sqlite_at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    field = f"    code: Mapped[str] = mapped_column(server_default={default})"
    change_models(project, fields=(field,))

    made = migrate(sqlite_at_head, project, "-m", "Adding codes")

    assert made.returncode == 0, made.stderr
    ran = db(sqlite_at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize("reason", REFUSED)
def test_a_default_that_no_engine_can_keep_is_refused_in_a_sentence(
    sqlite_at_head: Schema, project: Path, reason: str
) -> None:
    change_models(project, fields=(REFUSED[reason],))

    made = migrate(sqlite_at_head, project, "-m", "Trying")

    assert made.returncode == 1
    assert reason in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []


@pytest.mark.parametrize("target", ["nope.id", "user.nope"])
def test_a_model_that_points_at_nothing_is_named_in_a_sentence(
    sqlite_at_head: Schema, project: Path, target: str
) -> None:
    key = f'sa.ForeignKey("{target}"), index=True'
    change_models(project, fields=(f"    pal_id: Mapped[int | None] = mapped_column({key})",))

    made = migrate(sqlite_at_head, project, "-m", "Trying")

    assert made.returncode == 1
    assert "A model points at what no model describes" in made.stderr
    assert "'nope'" in made.stderr  # which SQLAlchemy names in each case
    assert "mend the name in sa.ForeignKey" in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []


TABLE = 'sa.Table("{}", Model.metadata, sa.Column("id", sa.Integer, primary_key=True){})'
LONG = {
    "The name {} is 64 bytes long": f"User.x = mapped_column('{'a' * 64}', sa.Integer)",
    "The name ix_user_{} is 69 bytes long": (
        f"User.x = mapped_column('{'a' * 61}', sa.Integer, index=True)"
    ),
    "The name {} is 64 bytes": TABLE.format("a" * 64, ""),
    "The name pk_{} is": TABLE.format("a" * 61, ""),
    "The name fk_pet_{}_user is": TABLE.format(
        "pet", f", sa.Column('{'a' * 60}', sa.ForeignKey('user.id'), index=True)"
    ),
    "The name {}": f"User.x = mapped_column('{'é' * 32}', sa.Integer)",  # in bytes
}


@pytest.mark.parametrize("reason", LONG)
def test_a_name_too_long_for_an_engine_is_refused(
    sqlite_at_head: Schema, project: Path, reason: str
) -> None:
    change_models(project, LONG[reason])

    made = migrate(sqlite_at_head, project, "-m", "Trying")

    assert made.returncode == 1
    begin, end = reason.split("{}")
    assert re.search(rf"{begin}[aé]+{end}", made.stderr)
    assert "give it a shorter one in the model" in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []


def test_a_name_that_each_engine_takes_is_written(at_head: Schema, project: Path) -> None:
    change_models(project, f"User.x = mapped_column('{'a' * 63}', sa.Integer, nullable=True)")

    made = migrate(at_head, project, "-m", "Adding")

    assert made.returncode == 0, made.stderr
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert "a" * 63 in at_head.columns("user")


def test_a_default_does_not_take_the_place_of_what_a_rename_carries(
    sqlite_at_head: Schema, project: Path
) -> None:
    field = "User.shown_name = mapped_column(sa.String(128), server_default='x')"
    change_models(project, field, without="display_name")

    said = answered(sqlite_at_head, project, "y")

    assert "whose values its server_default would take the place of" in " ".join(said.split())
    assert new_files(project) == []
