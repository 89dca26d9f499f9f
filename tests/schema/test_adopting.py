"""A table that a tutorial made on SQLite is taken over with all that hangs on it."""

import flask_migrate
import pytest

from tests.schema.comparison import differences
from tests.schema.conftest import Schema

# How tutorials, and what they use, write the key of this table.
MADE = [
    "id INTEGER NOT NULL, name VARCHAR(32), password VARCHAR(32), PRIMARY KEY (id)",
    "id INTEGER NOT NULL, name VARCHAR(32), password VARCHAR(32), "
    'CONSTRAINT "pk_user" PRIMARY KEY (id)',
    "id INTEGER PRIMARY KEY, name VARCHAR(32), password VARCHAR(32)",
    '"id" integer not null primary key, "name" varchar(32), "password" varchar(32)',
    "`id` INTEGER CONSTRAINT pk PRIMARY KEY ASC ON CONFLICT ABORT NOT NULL, -- PRIMARY KEY\n"
    "name VARCHAR(32), password VARCHAR(32)",
    "[id] INT /* a number, ( */ PRIMARY KEY, name VARCHAR(32), password VARCHAR(32)",
    'id INTEGER -- the key\n, name VARCHAR(32), password VARCHAR(32),\nPRIMARY KEY("id")',
    "id integer primary key autoincrement, name VARCHAR(32), password VARCHAR(32)",
]


def made(schema: Schema, items: str = MADE[0]) -> None:
    """Make the table of a tutorial, with what hangs on it, and say that it is 0001."""
    for statement in (
        f'CREATE TABLE "user" ({items})',
        "INSERT INTO user (name, password) VALUES ('alice', 'a'), ('bob', 'b'), ('carol', 'c')",
        "UPDATE user SET id = rowid",  # INT is not INTEGER: there SQLite gives no number itself
        "CREATE TABLE post (id INTEGER PRIMARY KEY, "
        "author INTEGER REFERENCES user (id) ON DELETE CASCADE)",
        "INSERT INTO post VALUES (1, 1), (2, 1), (3, 2)",
        "CREATE TABLE log (said TEXT)",
        "CREATE VIEW names AS SELECT name FROM user",
        "CREATE TRIGGER of_user AFTER INSERT ON user BEGIN INSERT INTO log VALUES (NEW.name); END",
        "CREATE TRIGGER of_post AFTER DELETE ON post "
        "BEGIN UPDATE user SET name = NULL WHERE id = OLD.author; END",
    ):
        schema.execute(statement)
    with schema.app.app_context():
        flask_migrate.stamp(revision="0001", purge=True)


@pytest.mark.parametrize("items", MADE)
def test_nothing_is_lost_and_no_id_is_used_again(sqlite: Schema, items: str) -> None:
    made(sqlite, items)

    sqlite.upgrade("0002")

    assert sqlite.rows("SELECT id, name FROM user ORDER BY id") == [
        (1, "alice"),
        (2, "bob"),
        (3, "carol"),
    ]
    assert sqlite.rows("SELECT id, author FROM post") == [(1, 1), (2, 1), (3, 2)]
    assert sqlite.scalar("SELECT COUNT(*) FROM names") == 3
    assert sqlite.scalar("PRAGMA integrity_check") == "ok"
    sqlite.execute("DELETE FROM user WHERE id = 3")
    sqlite.execute("INSERT INTO user (name) VALUES ('dora')")
    assert sqlite.scalar("SELECT id FROM user WHERE name = 'dora'") == 4
    assert sqlite.rows("SELECT said FROM log")[-1] == ("dora",)
    sqlite.execute("DELETE FROM post WHERE id = 3")
    assert sqlite.scalar("SELECT name FROM user WHERE id = 2") is None


def test_the_head_is_reached_too(sqlite: Schema) -> None:
    made(sqlite)

    sqlite.upgrade()

    for name in ("post", "log"):
        sqlite.execute(f"DROP TABLE {name}")
    assert differences(sqlite) == []


STALE = "CREATE TABLE _alembic_tmp_user (id INTEGER PRIMARY KEY, name VARCHAR(32))"


@pytest.mark.parametrize("rows", [0, 3])
def test_what_broke_off_here_goes_where_all_rows_are_kept(sqlite: Schema, rows: int) -> None:
    made(sqlite)
    sqlite.execute(STALE)
    sqlite.execute(f"INSERT INTO _alembic_tmp_user SELECT id, name FROM user LIMIT {rows}")

    sqlite.upgrade("0002")

    assert "_alembic_tmp_user" not in sqlite.tables
    assert sqlite.scalar("SELECT COUNT(*) FROM user") == 3


@pytest.mark.parametrize(
    ("drop", "said"), [("DELETE FROM user", "has 0"), ("DROP TABLE user", "is gone")]
)
def test_what_holds_more_than_the_table_is_not_touched(
    sqlite: Schema, drop: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    made(sqlite)
    sqlite.execute(STALE)
    sqlite.execute("INSERT INTO _alembic_tmp_user SELECT id, name FROM user")
    sqlite.execute("DROP VIEW names")
    sqlite.execute("DROP TRIGGER of_post")
    sqlite.execute(drop)

    with pytest.raises(SystemExit):
        sqlite.upgrade("0002")

    assert (
        f"_alembic_tmp_user is left of a run of Alembic that broke off, and has 3 rows; user {said}"
        in caplog.text
    )
    assert sqlite.version == "0001"
    assert sqlite.scalar("SELECT COUNT(*) FROM _alembic_tmp_user") == 3
