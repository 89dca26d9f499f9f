"""A database of the first day, with passwords in plain text, comes to head with everybody in it."""

import unicodedata
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHash, VerifyMismatchError

from tests.schema.comparison import differences
from tests.schema.conftest import ROOT, Schema
from tests.schema.revisions import sent

PEOPLE = {
    "Alice": "correct horse battery staple",
    "alice": "another alice",
    "ALICE": "a third one",
    "bob": "",
    "carol": None,
    'O\'Brien "the" `one`': 'it\'s "so" \\ ; -- %s %(x)s :y',
    "dave@example.com": "0123456789abcdef0123456789ABCDEF",
    "Ümläut ß": "pässwörd",
    "Stras\u200bse": " spaces at both ends ",
    "🦉 owl": "🔑🔑🔑",
    "ﬁne": "ﬁnal ① password",
    " ": "a blank name",
    "": "an empty name",
    None: "no name at all",
}
LONG = {"n" * 200: "p" * 500}  # SQLite holds nobody to a length


def opens(hash_: str, password: str | None) -> bool:
    """Whether the site lets this password in: normalised first, as log-in does."""
    try:
        typed = unicodedata.normalize("NFKC", password or "")
        return PasswordHasher().verify(hash_, typed)
    except (VerifyMismatchError, InvalidHash):
        return False


def test_everybody_of_0001_logs_in_with_the_old_password(schema: Schema) -> None:
    people = PEOPLE | (LONG if schema.dialect == "sqlite" else {})
    schema.upgrade("0001")
    schema.add_people(people)
    before = schema.rows('SELECT id, name FROM "user" ORDER BY id')

    schema.upgrade()

    assert schema.rows('SELECT id, name FROM "user" ORDER BY id') == before
    hashes = [row[0] for row in schema.rows('SELECT password_hash FROM "user" ORDER BY id')]
    for (name, password), hash_ in zip(people.items(), hashes, strict=True):
        assert opens(hash_, password) == bool(password), name
        assert not opens(hash_, "")
        assert not opens(hash_, "something else")
        assert hash_ == "!" or hash_.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "password" not in schema.columns("user")


def test_the_first_of_two_names_that_differ_in_case_keeps_the_key(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people(dict.fromkeys(PEOPLE))

    schema.upgrade()

    query = 'SELECT name, name_key, email, email_key, created_at FROM "user"'
    keys = {name: rest for name, *rest in schema.rows(query)}
    assert {name: key for name, (key, *_) in keys.items()} == {
        "Alice": "alice",
        "alice": None,
        "ALICE": None,
        "bob": "bob",
        "carol": "carol",
        'O\'Brien "the" `one`': 'o\'brien "the" `one`',
        "dave@example.com": "dave@example.com",
        "Ümläut ß": "ümläut ss",
        "Stras\u200bse": "stras\u200bse",
        "🦉 owl": "🦉 owl",
        "ﬁne": "fine",
        " ": " ",
        "": None,
        None: None,
    }
    assert all(rest == [None, None, None] for _, *rest in keys.values())


def test_up_down_and_up_again_keeps_everybody(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people({"Alice": "in plain text", "bob": None})
    schema.upgrade()
    before = schema.rows('SELECT id, name, name_key, password_hash FROM "user" ORDER BY id')

    schema.downgrade("0003")
    assert schema.rows('SELECT name, password FROM "user" ORDER BY id') == [
        ("Alice", None),
        ("bob", None),
    ]
    schema.upgrade()

    assert schema.rows('SELECT id, name, name_key, password_hash FROM "user" ORDER BY id') == before


def test_a_password_that_came_after_going_back_is_hashed_too(schema: Schema) -> None:
    schema.upgrade("0001")
    schema.add_people({"Alice": "in plain text"})
    schema.upgrade()
    schema.downgrade("0003")
    schema.execute("UPDATE \"user\" SET password = 'a newer one'")
    schema.downgrade("0002")

    schema.upgrade()

    assert opens(schema.hash_of("Alice"), "a newer one")


def test_going_all_the_way_back_leaves_nothing(at_head: Schema) -> None:
    at_head.downgrade("base")

    assert at_head.tables == {"alembic_version"}
    assert at_head.version is None
    if at_head.dialect == "postgresql":
        assert at_head.rows("SELECT proname FROM pg_proc WHERE proname LIKE 'tr_%user%'") == []
    at_head.upgrade()


def test_mariadb_writes_the_table_anew_without_the_secret(mariadb: Schema) -> None:
    mariadb.upgrade("0003")

    said = sent(mariadb, str(ROOT / "migrations"), "0004")

    assert "ALTER TABLE user DROP COLUMN password, FORCE" in said


def test_postgresql_writes_the_table_anew_without_the_secret(postgresql: Schema) -> None:
    postgresql.upgrade("0003")
    file = "SELECT pg_relation_filenode('\"user\"')"
    before = postgresql.scalar(file)

    postgresql.upgrade("0004")

    assert postgresql.scalar(file) != before
    assert postgresql.rows("SELECT 1 FROM pg_index WHERE indisclustered") == []


def test_the_secret_is_gone_from_the_file(sqlite: Schema) -> None:
    secrets = {f"person {number}": f"PLAINTEXT-{number:04}" for number in range(5)}
    sqlite.execute("PRAGMA journal_mode = WAL")
    sqlite.upgrade("0001")
    sqlite.add_people(secrets)
    assert found_in_files(sqlite)

    sqlite.upgrade()

    assert not found_in_files(sqlite)


def found_in_files(schema: Schema) -> bool:
    folder = Path(sa.make_url(schema.url).database or "").parent
    return any(b"PLAINTEXT-" in file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("unique", [True, False])
def test_a_database_of_the_tutorial_joins(schema: Schema, unique: bool) -> None:
    make_tutorial(schema, unique=unique)
    schema.add_people({"Alice": "as in the tutorial", "bob": "", "Carol": "third"})
    schema.execute(
        "CREATE TABLE post (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, "
        'FOREIGN KEY (author) REFERENCES "user" (id) ON DELETE CASCADE)'
    )
    schema.execute("INSERT INTO post VALUES (1, 1), (2, 1), (3, 3)")

    with schema.app.app_context():
        flask_migrate.stamp(revision="0001", purge=True)
    schema.upgrade()

    assert opens(schema.hash_of("Alice"), "as in the tutorial")
    assert schema.scalar("SELECT COUNT(*) FROM post") == 3
    [key] = sa.inspect(schema.engine).get_foreign_keys("post")
    assert key["referred_table"] == "user"
    schema.execute("DROP TABLE post")
    assert looks_like_ours(schema)


def make_tutorial(schema: Schema, *, unique: bool) -> None:
    metadata = sa.MetaData()
    name = sa.Column("name", sa.String(32), unique=unique, index=unique)
    columns = [sa.Column("id", sa.Integer, primary_key=True), name]
    sa.Table("user", metadata, *columns, sa.Column("password", sa.String(32)))
    sa.Table("alembic_version", metadata, sa.Column("version_num", sa.String(32), primary_key=True))
    metadata.create_all(schema.engine)
    schema.execute("INSERT INTO alembic_version VALUES ('3f2a91c07be4')")


def looks_like_ours(schema: Schema) -> bool:
    return not differences(schema)
