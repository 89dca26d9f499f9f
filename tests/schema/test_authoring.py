"""What `flask db migrate` writes runs as it is, and it refuses what it cannot write."""

import ast
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from tests.processes import Command
from tests.schema.comparison import shape
from tests.schema.conftest import HEAD, NEXT, Schema
from tests.schema.histories import change_models, db, ruff

FIELDS = (
    "    phone: Mapped[str]",
    "    code: Mapped[str] = mapped_column(sa.String(40), unique=True, index=True)",
    "    seen: Mapped[datetime]",
)


def new_files(project: Path) -> list[Path]:
    files = sorted((project / "migrations" / "versions").glob("0*.py"))
    return [file for file in files if file.name[:4] > HEAD]


def migrate(schema: Schema, project: Path, *options: str) -> Command:
    return schema.flask("db", "migrate", *options, cwd=project)


def test_new_fields_become_a_chain_that_runs_unedited(at_head: Schema, project: Path) -> None:
    at_head.execute(
        "INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A'), ('bob', NULL)"
    )
    change_models(project, fields=FIELDS)

    made = migrate(at_head, project, "-m", "Adding phone")

    assert made.returncode == 0, made.stderr
    files = new_files(project)
    names = [file.name[5:] for file in files]
    assert names == [
        "adding_phone.py",
        "filling_user_phone.py",
        "filling_user_code.py",
        "filling_user_seen.py",
        "tightening_user.py",
    ]
    assert (project / "migrations" / "HEAD").read_text() == f"{files[-1].name[:4]}\n"
    assert ruff(*files) == ""
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert at_head.version == files[-1].name[:4]
    assert at_head.rows('SELECT phone, code FROM "user" ORDER BY id') == [("", "1"), ("", "2")]
    assert db(at_head, project / "migrations", "lint").exit_code == 0
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout
    for wrong in ("NULL, 'x'", "'', '1'"):
        with pytest.raises(DBAPIError):
            at_head.execute(
                'INSERT INTO "user" (name, phone, code, seen) '
                f"VALUES ('carol', {wrong}, '2026-01-01')"
            )
    assert db(at_head, project / "migrations", "downgrade", HEAD).exit_code == 0
    assert "phone" not in at_head.columns("user")


def column(name: str, kind: str = "sa.String(40)", **rest: object) -> str:
    options = "".join(f", {option}={value!r}" for option, value in rest.items())
    return f"User.__table__.append_column(sa.Column({name!r}, {kind}{options}))"


def test_columns_may_be_called_what_python_calls_something_else(
    at_head: Schema, project: Path
) -> None:
    at_head.execute("INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A'), ('bob', 'B')")
    codes = [column(name, nullable=False, unique=True, index=True) for name in ("class", "keys")]
    change_models(project, "\n".join([*codes, column("my col", nullable=False)]))

    made = migrate(at_head, project, "-m", "Adding")

    assert made.returncode == 0, made.stderr
    files = new_files(project)
    assert ruff(*files) == ""
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert at_head.version == files[-1].name[:4]
    assert files[-1].read_text().count("stages.Check(") == 2  # one for each that is unique
    assert at_head.rows('SELECT "keys" FROM "user" ORDER BY id') == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("old", "new"), [("tuple", "class"), ("my col", "items")], ids=["tuple", "my col"]
)
def test_a_column_of_such_a_name_is_carried_over_and_dropped(
    sqlite_at_head: Schema, project: Path, old: str, new: str
) -> None:
    sqlite_at_head.execute(f'ALTER TABLE user ADD COLUMN "{old}" VARCHAR(40)')
    sqlite_at_head.execute(f"INSERT INTO user (name, \"{old}\") VALUES ('alice', 'A')")
    change_models(project, column(new))

    answered(sqlite_at_head, project, "y")

    assert ruff(*new_files(project)) == ""
    ran = db(sqlite_at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert sqlite_at_head.rows(f'SELECT "{new}" FROM user') == [("A",)]
    assert old not in sqlite_at_head.columns("user")


def test_files_that_are_no_python_do_not_stay(sqlite_at_head: Schema, project: Path) -> None:
    odd = (
        "class Odd(sa.String):",
        '    __module__ = "sqlalchemy.types"',
        "    def __repr__(self) -> str:",
        '        return "<odd>"',
    )
    change_models(project, *odd, "User.odd = mapped_column(Odd(9), nullable=True)")

    made = migrate(sqlite_at_head, project, "-m", "Adding")

    assert made.returncode == 1
    assert "is no Python, and is gone" in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []
    assert (project / "migrations" / "HEAD").read_text() == f"{HEAD}\n"


PET = """

class Pet(Model):
    __tablename__ = "pet"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)


sa.Index(None, User.created_at)
"""


def test_a_table_an_index_and_a_stricter_column_go_up_and_down_unedited(
    at_head: Schema, project: Path
) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    required = "    display_name: Mapped[str] = mapped_column(sa.String(128))"
    change_models(project, PET, fields=(required,), without="display_name")
    before = shape(at_head)

    made = migrate(at_head, project, "-m", "Adding pets")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    lint = db(at_head, project / "migrations", "lint")
    assert lint.output == "Nothing dangerous was found.\n"
    for command in (("upgrade",), ("downgrade", HEAD), ("upgrade",)):
        ran = db(at_head, project / "migrations", *command)
        assert ran.exit_code == 0, ran.output
        assert (shape(at_head) == before) == (command[0] == "downgrade")
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout


def test_a_dropped_column_becomes_a_gated_contract(sqlite_at_head: Schema, project: Path) -> None:
    sqlite_at_head.execute("INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A')")
    change_models(project, without="display_name")

    assert migrate(sqlite_at_head, project, "-m", "Dropping display names").returncode == 0

    [file] = new_files(project)
    text = file.read_text()
    assert text.startswith('"""Dropping display names. [contract]')
    assert 'irreversible = "user.display_name"' in text
    assert 'sa.Column("display_name", sa.String(128), nullable=True)' in text
    assert ruff(file) == ""
    stopped = db(sqlite_at_head, project / "migrations", "upgrade")
    assert "1 row would lose what is carried nowhere else" in stopped.output
    assert sqlite_at_head.version == HEAD
    done = db(
        sqlite_at_head, project / "migrations", "contract", "--yes-destroy", "user.display_name"
    )
    assert done.exit_code == 0, done.output
    assert sqlite_at_head.version == NEXT


def test_uniqueness_over_rows_names_those_that_share(sqlite_at_head: Schema, project: Path) -> None:
    sqlite_at_head.execute(
        "INSERT INTO \"user\" (name, display_name) VALUES ('a', 'A'), ('b', 'A')"
    )

    models = project / "app" / "accounts" / "models.py"
    plain = "display_name: Mapped[str | None] = mapped_column(sa.String(128))"
    unique = plain.replace("128)", "128), unique=True, index=True")
    models.write_text(models.read_text().replace(plain, unique))

    assert migrate(sqlite_at_head, project, "-m", "Making display names unique").returncode == 0
    stopped = db(sqlite_at_head, project / "migrations", "upgrade")

    assert "Several rows of user have the same display_name" in stopped.output
    assert "The first: 'A'." in stopped.output
    sqlite_at_head.execute("UPDATE \"user\" SET display_name = 'B' WHERE name = 'b'")
    assert db(sqlite_at_head, project / "migrations", "contract").exit_code == 0
    assert sqlite_at_head.version == NEXT


def answered(schema: Schema, project: Path, answer: str) -> str:
    """Run `flask db migrate` on a terminal, say `answer`, and return what it said."""
    _, said = schema.answered(answer, "db", "migrate", "-m", "Renaming", cwd=project)
    return said


RENAMED = "User.shown_name = mapped_column(sa.String(128))"


def test_a_rename_is_asked_about_and_carried_over(at_head: Schema, project: Path) -> None:
    at_head.execute(
        "INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'A'), ('bob', NULL)"
    )
    change_models(project, RENAMED, without="display_name")

    nobody = migrate(at_head, project, "-m", "Renaming")
    assert nobody.returncode == 1
    assert "user.display_name goes and user.shown_name comes, which is alike" in nobody.stderr
    assert "Traceback" not in nobody.stderr
    said = answered(at_head, project, "y")

    assert "Is user.shown_name the new name of user.display_name?" in said
    assert len(new_files(project)) == 3
    assert ruff(*new_files(project)) == ""
    assert db(at_head, project / "migrations", "expand").exit_code == 0
    at_head.execute("UPDATE \"user\" SET shown_name = 'stale' WHERE name = 'bob'")
    at_head.execute("UPDATE \"user\" SET display_name = 'B' WHERE name = 'bob'")  # an old release
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert at_head.rows('SELECT shown_name FROM "user" ORDER BY id') == [("A",), ("B",)]
    assert "display_name" not in at_head.columns("user")


def test_what_is_no_rename_is_a_new_column_and_a_drop(
    sqlite_at_head: Schema, project: Path
) -> None:
    change_models(project, RENAMED, without="display_name")

    answered(sqlite_at_head, project, "n")

    assert [file.read_text().count("[contract]") for file in new_files(project)] == [0, 1]


IMPOSSIBLE = {
    "points at rows of user: only you know at which": (
        'User.boss_id = mapped_column(sa.ForeignKey("user.id"), nullable=False, index=True)'
    ),
    "say index=True beside unique=True, and it is an index": (
        "User.badge = mapped_column(sa.String(9), unique=True)"
    ),
    "changes its type or its default": (
        "User.__table__.c.display_name.type = sa.Integer()\nUser.__table__.c.display_name.type"
    ),
    "grows past 63 characters, for which MariaDB copies the table": (
        "User.__table__.c.name.type = sa.String(64)\nUser.__table__.c.name.type"
    ),
    "user.display_name changes its type or": (
        "User.__table__.c.display_name.type = sa.String(64)\nUser.__table__.c.display_name.type"
    ),
    "backfills go by `id`": (
        'Model.metadata.tables["throttle"].append_column(sa.Column("x", sa.Text, nullable=False))'
    ),
    "say native_enum=False": (
        'User.mood = mapped_column(sa.Enum("good", "bad", name="mood"), nullable=True)'
    ),
    "has a CHECK, which nothing here would write": (
        'User.age = mapped_column(sa.Integer, sa.CheckConstraint("age > 0", name="age"))'
    ),
    "user has a CHECK, which nothing here would write (ck_user_named)": (
        'User.__table__.append_constraint(sa.CheckConstraint("name <> \'\'", name="named"))'
    ),
    "serves a foreign key of user_session": (
        'indexes = Model.metadata.tables["user_session"].indexes\n'
        'indexes -= {each for each in indexes if each.name == "ix_user_session_user_id"}'
    ),
    "ix_user_token_digest on user_token would become another under the same name": (
        'index = {i.name: i for i in Model.metadata.tables["user_token"].indexes}\n'
        'index["ix_user_token_digest"].unique = False'
    ),
    "leave deferrable and initially out": (
        'key = sa.ForeignKey("user.id", deferrable=True)\n'
        "User.boss_id = mapped_column(key, nullable=True, index=True)"
    ),
    "say --allow-drop": 'Model.metadata.remove(Model.metadata.tables["held_form"])',
}


@pytest.mark.parametrize("reason", IMPOSSIBLE)
def test_what_cannot_be_written_is_refused_in_a_sentence(
    sqlite_at_head: Schema, project: Path, reason: str
) -> None:
    # Where the mapper is not asked to take a table away from under itself: at the end of the app.
    place = project / "app" / "__init__.py"
    lines = "import sqlalchemy as sa\nfrom sqlalchemy.orm import mapped_column\n"
    lines += "from app.accounts.models import User\nfrom app.db import Model\n"
    place.write_text(f"{place.read_text()}\n\n{lines}{IMPOSSIBLE[reason]}\n")

    made = migrate(sqlite_at_head, project, "-m", "Trying")

    assert made.returncode == 1
    assert reason in made.stderr
    assert "Traceback" not in made.stderr
    assert new_files(project) == []


def test_any_words_may_say_what_changes(sqlite_at_head: Schema, project: Path) -> None:
    change_models(project, fields=("    phone: Mapped[str | None]",))
    words = r'A \new C:\x and """ of it'

    made = migrate(sqlite_at_head, project, "-m", words)

    assert made.returncode == 0, made.stderr
    [file] = new_files(project)
    assert (ast.get_docstring(ast.parse(file.read_text())) or "").startswith(f"{words}. [expand]")
    assert ruff(file) == ""


def test_tables_go_when_told_so(sqlite_at_head: Schema, project: Path) -> None:
    place = project / "app" / "__init__.py"
    place.write_text(
        f"{place.read_text()}\n\ndb.db.metadata.remove(db.db.metadata.tables['held_form'])\n"
    )

    made = migrate(sqlite_at_head, project, "-m", "Dropping held_form", "--allow-drop")

    assert made.returncode == 0, made.stderr
    [file] = new_files(project)
    assert 'irreversible = "held_form"' in file.read_text()
    assert db(sqlite_at_head, project / "migrations", "upgrade").exit_code == 0
    assert "held_form" not in sqlite_at_head.tables


def test_the_database_must_be_at_head(sqlite: Schema, project: Path) -> None:
    sqlite.upgrade("0003")

    made = migrate(sqlite, project, "-m", "Too early")

    assert made.returncode == 1
    assert "The database stands at 0003 and the newest revision is" in made.stderr
    assert "run `flask db upgrade` first" in made.stderr
