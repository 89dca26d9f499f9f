"""A contract waits until nothing needs the old shape, and says what it waits for."""

import shutil
import threading
from pathlib import Path

import pytest

from app.revisions import readiness
from tests.post_office import until
from tests.schema.conftest import HEAD, NEXT, ROOT, Schema
from tests.schema.histories import DROP, FILL, KEY, PERSON, written
from tests.schema.test_story import opens

EXPANDS = [number for number, stage in readiness.story().items() if stage == "expand"]


def test_the_stages_are_read_from_the_revisions() -> None:
    first = list(readiness.story().items())[:7]

    assert first == [
        ("0001", "expand"),
        ("0002", "expand"),
        ("0003", "backfill"),
        ("0004", "contract"),
        ("0005", "expand"),
        ("0006", "backfill"),
        ("0007", "contract"),
    ]


def test_a_contract_refuses_leftovers_and_names_them(
    schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.upgrade("0001")
    schema.add_people({f"person {number}": None for number in range(6)} | {"alice": "old"})
    schema.upgrade("0003")
    schema.execute("UPDATE \"user\" SET password = 'new'")  # an old release still runs

    schema.upgrade()

    assert schema.version == "0003"
    said = " ".join(capsys.readouterr().out.split())
    assert "Stopped before 0004" in said
    assert "Backfill 0003 has not done 7 rows of user: id 1, 2, 3, 4, 5 and 2 more" in said
    assert "run `flask db backfill` and `flask db contract`" in said
    assert "7 rows would lose what is carried nowhere else (plain-text passwords)" in said

    with schema.app.app_context():
        again = schema.app.test_cli_runner().invoke(args=["db", "backfill"])
    assert again.exit_code == 0
    schema.upgrade()

    assert schema.version == HEAD
    assert opens(schema.hash_of("alice") or "", "new")


def test_a_shut_gate_is_no_failure(sqlite: Schema) -> None:
    sqlite.upgrade("0003")
    sqlite.add_people({"alice": "came late"})

    result = sqlite.flask("db", "upgrade")

    assert result.returncode == 0
    assert result.stdout.startswith("Stopped before 0004: Dropping user.password. [contract]")


def test_a_check_that_fails_says_what_to_do(
    schema: Schema, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.upgrade("0001")
    schema.add_people({"Alice": None, "Bob": None})
    schema.upgrade("0006")
    schema.execute("UPDATE \"user\" SET name_key = 'alice'")

    schema.upgrade()

    assert schema.version == "0006"
    assert "Several accounts share a name_key" in capsys.readouterr().out
    schema.execute("UPDATE \"user\" SET name_key = 'bob' WHERE name = 'Bob'")
    schema.upgrade()
    assert schema.version == HEAD


LOSING = f'''"""Dropping user.display_name. [contract]"""

import sqlalchemy as sa

from app.schema import ddl

revision = "{NEXT}"
down_revision = "{HEAD}"
stage = "contract"

user = sa.table("user", sa.column("display_name"))
requires_done: list[str] = []
irreversible = "display names"
would_lose = sa.select(sa.func.count()).where(user.c.display_name.is_not(None))


def upgrade() -> None:
    ddl.drop_column("user", "display_name")


def downgrade() -> None:
    ddl.add_column("user", sa.Column("display_name", sa.String(128), nullable=True))
'''


def test_data_that_would_die_keeps_the_gate_shut(
    at_head: Schema, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrations = shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    (migrations / "versions" / f"{NEXT}_dropping_display_name.py").write_text(LOSING)
    at_head.execute("INSERT INTO \"user\" (name, display_name) VALUES ('alice', 'Alice A.')")

    at_head.upgrade(directory=str(migrations))

    assert at_head.version == HEAD
    lost = "1 row would lose what is carried nowhere else (display names)"
    assert lost in capsys.readouterr().out
    at_head.execute('UPDATE "user" SET display_name = NULL')
    at_head.upgrade(directory=str(migrations))
    assert at_head.version == NEXT


def test_a_contract_that_broke_off_after_its_drop_is_let_through(mariadb: Schema) -> None:
    mariadb.upgrade("0003")
    mariadb.execute("DROP TRIGGER tr_user_password_hash")
    mariadb.execute('ALTER TABLE "user" DROP COLUMN password')

    mariadb.upgrade()

    assert mariadb.version == HEAD


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        (None, EXPANDS),
        ("0001", EXPANDS[1:]),
        ("0003", EXPANDS[2:]),
        ("0008", EXPANDS[4:]),
        (HEAD, []),
        (NEXT, []),  # of a newer release
        ("3f2a91c07be4", EXPANDS),  # of somebody else
    ],
)
def test_a_release_knows_which_expands_it_lacks(
    sqlite: Schema, version: str | None, missing: list[str]
) -> None:
    if version:
        sqlite.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        sqlite.execute("INSERT INTO alembic_version VALUES (:version)", version=version)

    with sqlite.engine.connect() as connection:
        assert readiness.missing_expands(connection) == missing


def test_each_engine_says_what_it_lacks(schema: Schema) -> None:
    with schema.engine.connect() as connection:
        assert readiness.missing_expands(connection) == EXPANDS
    schema.upgrade("0004")
    with schema.engine.connect() as connection:
        assert readiness.missing_expands(connection) == EXPANDS[2:]
    schema.upgrade()
    with schema.engine.connect() as connection:
        assert readiness.missing_expands(connection) == []


TAKE = {
    "postgresql": "LOCK TABLE person IN ACCESS EXCLUSIVE MODE",
    "mariadb": "LOCK TABLES person WRITE",
}


@pytest.mark.parametrize("engine", TAKE)
def test_the_gate_is_patient_with_who_holds_the_table(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    schema: Schema = request.getfixturevalue(engine)
    folder = str(written(tmp_path / "migrations", PERSON, KEY, FILL, DROP))
    schema.upgrade("0003", directory=folder)
    with schema.engine.connect() as other:
        other.exec_driver_sql(TAKE[engine])
        upgrade = threading.Thread(target=schema.upgrade, kwargs={"directory": folder})
        upgrade.start()
        until(lambda: "A lock is held by others" in caplog.text, "the gate finds the lock")
    upgrade.join()

    assert schema.version == "0004"
