"""A key comes and goes where people work: nobody waits long, and no table is written anew."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.schema import rebuild
from tests.schema.comparison import shape
from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import PERSON, add, change_models, db, ruff, written
from tests.schema.revisions import DROP_THING, THING, history, sent

THINGS = (
    "expand",
    f'ddl.create_table("owner", sa.Column("id", sa.Integer(), primary_key=True)){THING}',
    f'{DROP_THING}\nddl.drop_table("owner")',
)
ADD = """ddl.add_column("thing", sa.Column(
    "owner_id",
    sa.Integer(),
    sa.ForeignKey("owner.id", name="fk_thing_owner", ondelete="CASCADE"),
    nullable=True,
))"""
INDEX = 'ddl.create_index("ix_thing_owner_id", "thing", ["owner_id"])'
DROP = 'ddl.drop_column("thing", "owner_id")'


@pytest.fixture
def only_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """No table of SQLite may be written anew."""

    def refuse(table: str, change: rebuild.Change) -> None:
        raise AssertionError(f"{table} was written anew")

    monkeypatch.setattr(rebuild, "rebuild", refuse)


def page(schema: Schema, table: str) -> int | None:
    """Return where SQLite has the rows of this table."""
    query = "SELECT rootpage FROM sqlite_master WHERE name = :table AND type = 'table'"
    return schema.scalar(query, table=table) if schema.dialect == "sqlite" else None


BOSS = """    boss_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("user.id", ondelete="{}", onupdate="CASCADE"), index=True
    )"""


@pytest.mark.parametrize("action", ["SET NULL", "CASCADE"])
def test_what_migrate_writes_for_a_new_key_writes_no_table_anew(
    at_head: Schema, project: Path, only_in_place: None, action: str
) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice'), ('bob')")
    alice, bob = (row.id for row in at_head.rows('SELECT id FROM "user" ORDER BY id'))
    at_head.execute(
        "INSERT INTO user_session (user_id, digest, remembered, ip, user_agent, created_at, "
        "last_seen_at) VALUES (:id, 'd', :no, '::1', '', '2026-11-01', '2026-11-01')",
        id=alice,
        no=False,
    )
    before, where = shape(at_head), page(at_head, "user")
    change_models(project, fields=(BOSS.format(action),))

    made = at_head.flask("db", "migrate", "-m", "Adding bosses", cwd=project)

    assert made.returncode == 0, made.stderr
    files = sorted((project / "migrations" / "versions").glob("0*.py"))[int(HEAD) :]
    assert len(files) == 1
    assert ruff(*files) == ""
    folder = project / "migrations"
    assert db(at_head, folder, "lint").output == "Nothing dangerous was found.\n"
    assert "ANEW" not in db(at_head, folder, "plan").output
    for command in (("upgrade",), ("downgrade", HEAD), ("upgrade",)):
        ran = db(at_head, folder, *command)
        assert ran.exit_code == 0, ran.output
        assert page(at_head, "user") == where
        assert (shape(at_head) == before) == (command[0] == "downgrade")
    assert at_head.rows("SELECT user_id FROM user_session") == [(alice,)]
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout
    at_head.execute('UPDATE "user" SET boss_id = :alice WHERE id = :bob', alice=alice, bob=bob)
    with at_head.engine.connect() as connection:
        if at_head.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql(at_head.quoted('UPDATE "user" SET boss_id = 99'))


def test_a_key_that_changes_becomes_another_in_the_contract(
    at_head: Schema, project: Path, only_in_place: None
) -> None:
    before = 'user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="{}"))'
    models = project / "app" / "accounts" / "models.py"
    text = models.read_text()
    assert text.count(before.format("CASCADE")) == 1
    models.write_text(text.replace(before.format("CASCADE"), before.format("SET NULL")))

    made = at_head.flask("db", "migrate", "-m", "Keeping tokens", cwd=project)

    assert made.returncode == 0, made.stderr
    assert db(at_head, project / "migrations", "lint").output == "Nothing dangerous was found.\n"
    actions = {"upgrade": "SET NULL", "downgrade": "CASCADE"}
    for command in (("upgrade",), ("downgrade", HEAD), ("upgrade",)):
        ran = db(at_head, project / "migrations", *command)
        assert ran.exit_code == 0, ran.output
        keys = sa.inspect(at_head.engine).get_foreign_keys("user_token")
        assert [key["options"]["ondelete"] for key in keys] == [actions[command[0]]]
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout


def test_a_column_brings_its_key_and_takes_it_along(
    schema: Schema, tmp_path: Path, only_in_place: None
) -> None:
    directory = history(tmp_path, THINGS, ("expand", f"{ADD}\n{INDEX}", DROP))
    schema.upgrade("0001", directory=directory)
    schema.execute("INSERT INTO owner (id) VALUES (1)")
    schema.execute("INSERT INTO thing (name) VALUES ('a')")
    where = page(schema, "thing")

    said = " ".join(sent(schema, directory, "0002"))

    [key] = sa.inspect(schema.engine).get_foreign_keys("thing")
    assert (key["name"], key["options"]) == ("fk_thing_owner", {"ondelete": "CASCADE"})
    [index] = sa.inspect(schema.engine).get_indexes("thing")
    assert index["name"] == "ix_thing_owner_id"  # nor has MariaDB one of its own
    for words in {
        "sqlite": ["ALTER TABLE thing ADD COLUMN owner_id INTEGER"],
        "postgresql": ["NOT VALID", "VALIDATE CONSTRAINT"],
        "mariadb": ["ADD COLUMN owner_id INTEGER, ALGORITHM=INSTANT, LOCK=NONE", "LOCK=NONE"],
    }[schema.dialect]:
        assert words in said
    schema.execute("UPDATE thing SET owner_id = 1")
    schema.downgrade("0001", directory=directory)
    assert schema.columns("thing") == {"id", "name"}
    assert sa.inspect(schema.engine).get_foreign_keys("thing") == []
    schema.upgrade(directory=directory)
    assert schema.rows("SELECT owner_id FROM thing") == [(1,)]  # kept, and given back
    assert page(schema, "thing") == where


INLINE = """op.execute('''CREATE TABLE thing (
    id INTEGER PRIMARY KEY,
    one INTEGER DEFAULT 7 CONSTRAINT "fk one" REFERENCES owner (id) ON DELETE SET NULL ON UPDATE
        NO ACTION DEFERRABLE INITIALLY DEFERRED CHECK (one > 0),
    two INTEGER, -- and CONSTRAINT here
    CONSTRAINT "fk two" FOREIGN KEY (two) REFERENCES owner (id)
)''')"""


def test_keys_that_another_hand_wrote_go_too(
    sqlite: Schema, tmp_path: Path, only_in_place: None
) -> None:
    base = (
        "expand",
        f"{THINGS[1].partition(THING)[0]}\n{INLINE}",
        "pass",
        "from alembic import op",
    )
    drop = 'ddl.drop_foreign_key("fk {}", "thing")'
    steps = [("contract", drop.format(name), "pass") for name in ("one", "two")]
    steps.append(("contract", 'ddl.drop_column("thing", "two")', "pass"))
    steps.append(("contract", drop.format("gone"), "pass"))  # which is not there
    directory = history(tmp_path, base, *steps)
    sqlite.upgrade("0001", directory=directory)
    sqlite.execute("INSERT INTO thing (id, two) VALUES (1, NULL)")
    keys = "SELECT \"from\" FROM pragma_foreign_key_list('thing')"

    sqlite.upgrade("0002", directory=directory)
    assert sqlite.rows(keys) == [("two",)]
    sqlite.upgrade("0003", directory=directory)
    assert sqlite.rows(keys) == []
    sqlite.upgrade(directory=directory)

    [text] = sqlite.rows("SELECT sql FROM sqlite_master WHERE name = 'thing'")
    assert " ".join(text.sql.split()) == (
        "CREATE TABLE thing ( id INTEGER PRIMARY KEY, one INTEGER DEFAULT 7 CHECK (one > 0))"
    )
    assert sqlite.rows("SELECT id, one FROM thing") == [(1, 7)]


def test_a_column_goes_with_a_key_in_its_own_words(sqlite: Schema, tmp_path: Path) -> None:
    plain = INLINE.replace(" CHECK (one > 0)", "")
    made = f"{THINGS[1].partition(THING)[0]}\n{plain}"
    drop = 'ddl.drop_column("thing", "two")\nddl.drop_column("thing", "one")'
    base = ("expand", made, "pass", "from alembic import op")

    sqlite.upgrade(directory=history(tmp_path, base, ("contract", drop, "pass")))

    assert sqlite.columns("thing") == {"id"}


@pytest.mark.parametrize(
    "words",
    ["CONSTRAINT fk {}", 'CONSTRAINT "fk" {}', "constraint `fk`\n{}", "CONSTRAINT [fk] {}"],
)
def test_a_name_may_be_written_in_any_way(words: str) -> None:
    inline = words.format("REFERENCES owner (id) MATCH SIMPLE ON DELETE CASCADE")
    own = words.format("FOREIGN KEY (a) REFERENCES owner (id)")
    other = "\n CONSTRAINT fk_other FOREIGN KEY (a) REFERENCES owner (id)"

    left = rebuild.without_key(["id", f"a INTEGER {inline} NOT NULL", other, f"\n {own}"], "fk")

    assert [" ".join(each.split()) for each in left] == [
        "id",
        "a INTEGER NOT NULL",
        other.strip(),
    ]


def test_a_key_over_rows_that_are_there_is_in_the_text_too(
    sqlite: Schema, tmp_path: Path, only_in_place: None
) -> None:
    column = 'ddl.add_column("thing", sa.Column("owner_id", sa.Integer(), nullable=True))'
    key = 'ddl.add_foreign_key("fk", "thing", ["owner_id"], "owner", ["id"])'
    undo = 'ddl.drop_foreign_key("fk", "thing")'
    directory = history(tmp_path, THINGS, ("expand", column, DROP), ("contract", key, undo))
    sqlite.upgrade("0002", directory=directory)
    sqlite.execute("INSERT INTO owner (id) VALUES (1)")
    sqlite.execute("INSERT INTO thing (name, owner_id) VALUES ('a', 1)")
    path = str(sqlite.engine.url.database)
    stays = sqlite3.connect(path)  # somebody who has seen the table as it was
    assert stays.execute("SELECT owner_id FROM thing").fetchall() == [(1,)]
    stays.execute("PRAGMA foreign_keys = ON")

    sqlite.upgrade(directory=directory)

    with pytest.raises(sqlite3.IntegrityError):
        stays.execute("UPDATE thing SET owner_id = 7")
    stays.close()
    assert sqlite.scalar("PRAGMA integrity_check") == "ok"
    sqlite.downgrade("0002", directory=directory)
    assert sa.inspect(sqlite.engine).get_foreign_keys("thing") == []


def test_the_long_form_is_not_dangerous_and_its_script_says_what_it_cannot(
    sqlite: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    key = 'sa.ForeignKey("person.id", name="fk_pal")'
    column = f'ddl.add_column("person", sa.Column("pal", sa.Integer(), {key}, nullable=True))'
    index = 'ddl.create_index("ix_pal", "person", ["pal"])'
    add(folder, "expand", f"{column}\n    {index}", 'ddl.drop_column("person", "pal")')

    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"
    script = db(sqlite, folder, "upgrade", "--sql").output
    assert "ALTER TABLE person ADD COLUMN pal INTEGER;" in script
    assert "-- SQLite has no words for this: `flask db upgrade` edits the text of person." in script
