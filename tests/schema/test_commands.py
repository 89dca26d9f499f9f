"""The commands of Flask-Migrate do what its documentation says; new revisions are ours in form."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import alembic.command
import pytest

from tests.schema.comparison import shape
from tests.schema.conftest import HEAD, NEXT, PREVIOUS, ROOT, Schema
from tests.schema.histories import KEY, PERSON, change_models, ruff, written


def test_the_commands_that_only_look(sqlite_at_head: Schema) -> None:
    assert sqlite_at_head.flask("db", "current").stdout == f"{HEAD} (head)\n"
    history = sqlite_at_head.flask("db", "history", "-i").stdout.splitlines()
    assert history[0].startswith(f"{PREVIOUS} -> {HEAD} (head) (current), ")
    assert history[-1] == "<base> -> 0001, Creating user table. [expand]"
    assert sqlite_at_head.flask("db", "heads").stdout == f"{HEAD} (head)\n"
    as_typed = [sys.executable, "-m", "flask", "db", "heads"]
    assert subprocess.check_output(as_typed, cwd=ROOT, text=True) == f"{HEAD} (head)\n"
    assert "No new upgrade operations detected." in sqlite_at_head.flask("db", "check").stdout
    assert "Dropping user.password. [contract]" in sqlite_at_head.flask("db", "show", "0004").stdout


def test_init_makes_a_plain_repository_elsewhere(sqlite: Schema, tmp_path: Path) -> None:
    made = sqlite.flask("db", "init", "-d", str(tmp_path / "elsewhere"))

    assert made.returncode == 0, made.stderr
    assert (tmp_path / "elsewhere" / "env.py").exists()


@pytest.mark.parametrize("to", ["+1", "-1", "head", "0004", "base"])
def test_every_way_to_name_a_destination(sqlite: Schema, to: str) -> None:
    sqlite.upgrade("0005")
    expected = {"+1": "0006", "-1": "0004", "head": HEAD, "0004": "0004", "base": None}[to]

    (sqlite.downgrade if to in {"-1", "0004", "base"} else sqlite.upgrade)(to)

    assert sqlite.version == expected


def test_a_script_does_what_the_run_does(
    schema: Schema, engine: str, head_of: Callable[[str], str]
) -> None:
    up = script(schema, alembic.command.upgrade, "head")
    down = script(schema, alembic.command.downgrade, f"{HEAD}:base")

    assert up.count("-- A backfill of user") == 4
    assert schema.tables == set()
    run_script(schema, up)
    assert schema.version == HEAD
    assert shape(schema) == shape(Schema(head_of(engine)))
    run_script(schema, down)
    assert schema.tables == {"alembic_version"}


PET = (
    "expand",
    """ddl.create_table(
        "pet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_pet"),
    )
    ddl.create_index("ix_pet_person_id", "pet", ["person_id"])""",
    'ddl.drop_table("pet")',
)
TIGHTER = (
    "contract",
    """ddl.create_index("ix_person_name", "person", ["name"], unique=True)
    ddl.set_not_null("person", "name")
    ddl.add_foreign_key("fk_pet_person", "pet", ["person_id"], "person", ["id"])""",
    """ddl.drop_foreign_key("fk_pet_person", "pet")
    ddl.drop_not_null("person", "name")
    ddl.drop_index("ix_person_name", "person")""",
)
# What keeps people from waiting, beyond what the statements of the whole history show.
SAFE = {
    "postgresql": [
        "SET lock_timeout = '150'",
        "CREATE INDEX ix_pet_person_id ON pet",
        "CREATE UNIQUE INDEX CONCURRENTLY ix_person_name ON person",
        "CHECK (name IS NOT NULL) NOT VALID",
        "VALIDATE CONSTRAINT ck_person_name_there",
        "REFERENCES person (id) NOT VALID",
        "VALIDATE CONSTRAINT fk_pet_person",
    ],
    "mariadb": [
        "SET SESSION lock_wait_timeout = 1",
        "ADD UNIQUE INDEX ix_person_name (name), ALGORITHM=NOCOPY, LOCK=NONE",
        "ALGORITHM=INPLACE, LOCK=NONE",
        "REFERENCES person (id), ALGORITHM=INSTANT, LOCK=NONE",
    ],
}


def test_a_script_is_as_gentle_as_the_run(schema: Schema, tmp_path: Path) -> None:
    if schema.dialect == "sqlite":
        pytest.skip("SQLite writes the table anew, which a script cannot")
    folder = str(written(tmp_path / "migrations", PERSON, PET, TIGHTER))
    schema.upgrade("0001", directory=folder)
    schema.execute("INSERT INTO person (name) VALUES ('alice'), ('bob')")

    up = script(schema, alembic.command.upgrade, "0001:head", folder)

    missing = [each for each in SAFE[schema.dialect] if each not in up]
    assert missing == []
    run_script(schema, up)
    scripted = shape(schema)
    run_script(schema, script(schema, alembic.command.downgrade, "0003:0001", folder))
    schema.upgrade(directory=folder)
    assert scripted == shape(schema)


def script(
    schema: Schema, command: Callable[..., None], revision: str, folder: str | None = None
) -> str:
    with schema.app.app_context():
        config = schema.app.extensions["migrate"].migrate.get_config(folder)
        config.output_buffer = io.StringIO()
        command(config, revision, sql=True)
    return config.output_buffer.getvalue()


def run_script(schema: Schema, script: str) -> None:
    with schema.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if schema.dialect == "sqlite":
            connection.connection.dbapi_connection.executescript(script)
            return
        for statement in statements_of(script):
            connection.exec_driver_sql(statement.replace("%", "%%"))


def statements_of(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip()]


MODELS = """

class Badge(Model):
    __tablename__ = "badge"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)
    slug: Mapped[str] = mapped_column(key(40), unique=True, index=True)
    given_at: Mapped[datetime] = mapped_column(UTCDateTime)


User.nickname = mapped_column(sa.String(40))
"""


def test_a_change_to_the_models_becomes_a_numbered_revision(
    sqlite_at_head: Schema, project: Path
) -> None:
    change_models(project, MODELS)

    made = sqlite_at_head.flask("db", "migrate", "-m", "Adding badges", cwd=project)
    assert made.returncode == 0, made.stderr
    file = project / "migrations" / "versions" / f"{NEXT}_adding_badges.py"
    text = file.read_text()
    assert text.startswith('"""Adding badges. [expand]')
    for line in (
        'stage = "expand"',
        'ddl.create_table(\n        "badge",',
        'sa.Column("id", ddl.big_id(), nullable=False)',
        'sa.Column("slug", ddl.key(40), nullable=False)',
        'sa.Column("given_at", ddl.timestamp(), nullable=False)',
        'name=op.f("fk_badge_user_id_user")',
        'ddl.add_column("user", sa.Column("nickname", sa.String(length=40), nullable=True))',
    ):
        assert line in text
    assert "mariadb_" not in text  # create_table knows
    assert (project / "migrations" / "HEAD").read_text() == f"{NEXT}\n"
    assert ruff(file) == ""

    upgraded = sqlite_at_head.flask("db", "upgrade", cwd=project)
    assert upgraded.returncode == 0, upgraded.stderr
    assert {"badge", "user"} <= sqlite_at_head.tables
    again = sqlite_at_head.flask("db", "migrate", "-m", "Nothing", cwd=project)
    assert "No changes in schema detected." in again.stderr
    assert len(list(file.parent.glob("*.py"))) == int(NEXT)


def test_an_empty_revision_is_numbered_too(sqlite: Schema, project: Path) -> None:
    made = sqlite.flask("db", "revision", "-m", "Filling something", cwd=project)

    assert made.returncode == 0, made.stderr
    file = project / "migrations" / "versions" / f"{NEXT}_filling_something.py"
    assert f'down_revision = "{HEAD}"' in file.read_text()
    assert (project / "migrations" / "HEAD").read_text() == f"{NEXT}\n"
    assert ruff(file) == ""


def test_two_branches_are_merged_as_ever(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    sqlite.upgrade("0001", directory=str(folder))
    here = ("db", "-d", str(folder))
    options = ("--head", "0001", "--splice", "--branch-label", "other", "--rev-id", "0003")
    made = sqlite.flask(*here, "revision", "-m", "Other", *options)
    assert made.returncode == 0, made.stderr
    assert "branch_labels = ('other',)" in (
        folder / "versions" / "0003_other.py"
    ).read_text().replace('"', "'")

    merged = sqlite.flask(*here, "merge", "-m", "Both", "--rev-id", "0004", "heads")

    assert merged.returncode == 0, merged.stderr
    assert '"""Both. [expand]' in (folder / "versions" / "0004_both.py").read_text()


LOGGING = """
import logging
import flask_migrate
from app import create_app

logging.getLogger("mine").setLevel("INFO")
with create_app().app_context():
    flask_migrate.upgrade(revision="0001")
assert not logging.getLogger("mine").disabled
assert logging.getLogger("mine").isEnabledFor(logging.INFO)
"""


def test_loggers_that_are_there_go_on(sqlite: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite.url)
    command = [sys.executable, "-c", LOGGING]
    result = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert "Running upgrade  -> 0001" in result.stderr


@pytest.mark.parametrize("name", ["migrate", "upgrade", "downgrade", "plan", "expand", "contract"])
def test_the_help_of_what_is_used_daily_has_an_example(sqlite: Schema, name: str) -> None:
    result = sqlite.app.test_cli_runner().invoke(args=["db", name, "--help"])

    assert f"Example: flask db {name}" in " ".join(result.output.split())
    assert (result.exit_code, result.stderr) == (0, "")
