"""What is kept aside of people does not outlive them, and what opens a door is not kept at all."""

from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.revisions import DROP_THING, THING, history
from tests.schema.test_kept import kept_in, swept

MADE = """
ddl.create_table(
    "{table}",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("{column}", sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_{table}"),
    sa.ForeignKeyConstraint(["{column}"], ["{parent}.id"], name="fk_{table}_{column}"),
)
"""
INVITED = """
ddl.add_column("thing", sa.Column("invited_by", sa.Integer(), nullable=True))
ddl.create_index("ix_thing_invited_by", "thing", ["invited_by"])
ddl.add_foreign_key("fk_invited", "thing", ["invited_by"], "thing", ["id"])
"""
NOT_INVITED = """
ddl.drop_foreign_key("fk_invited", "thing")
ddl.drop_index("ix_thing_invited_by", "thing")
ddl.drop_column("thing", "invited_by")
"""
LETTER = MADE.format(table="letter", column="author", parent="thing")
# Kept before the letter whose page it is.
PAGE = MADE.format(table="a_page", column="of", parent="letter")
STORY = [
    ("expand", THING, DROP_THING),
    ("expand", INVITED, NOT_INVITED),
    ("expand", LETTER + PAGE, 'ddl.drop_table("a_page")\nddl.drop_table("letter")'),
]
INVITATIONS = "SELECT id, invited_by FROM thing ORDER BY id"


@pytest.fixture
def story(schema: Schema, tmp_path: Path) -> str:
    directory = history(tmp_path, *STORY)
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO thing (id, invited_by) VALUES (1, NULL), (2, 1), (3, 2), (4, 1)")
    schema.execute("INSERT INTO letter (id, author) VALUES (1, 1), (2, 2), (3, NULL)")
    schema.execute('INSERT INTO a_page (id, "of") VALUES (1, 1), (2, 2), (3, 3)')
    return directory


def test_whom_a_key_named_by_another_name_is_forgotten_too(schema: Schema, story: str) -> None:
    schema.downgrade("0001", directory=story)
    assert schema.columns("thing") == {"id", "name"}
    schema.execute("DELETE FROM thing WHERE id = 2")

    swept(schema)

    assert schema.rows("SELECT id, invited_by FROM _kept_0002_thing") == [(4, 1)]
    assert schema.rows("SELECT id FROM _kept_0003_letter ORDER BY id") == [(1,), (3,)]
    assert schema.rows("SELECT id FROM _kept_0003_a_page ORDER BY id") == [(1,), (3,)]
    schema.upgrade(directory=story)
    assert schema.rows(INVITATIONS) == [(1, None), (3, None), (4, 1)]
    assert kept_in(schema) == []


def test_the_last_of_them_is_forgotten_too(schema: Schema, story: str) -> None:
    schema.downgrade("0001", directory=story)
    schema.execute("DELETE FROM thing")

    swept(schema)

    assert schema.rows("SELECT id FROM _kept_0002_thing") == []
    assert schema.rows("SELECT id FROM _kept_0003_letter") == [(3,)]
    assert schema.rows("SELECT id FROM _kept_0003_a_page") == [(3,)]


def test_where_nobody_is_gone_all_is_given_back(schema: Schema, story: str) -> None:
    before = schema.rows(INVITATIONS)
    schema.downgrade("base", directory=story)

    swept(schema)
    schema.upgrade(directory=story)

    assert schema.rows(INVITATIONS) == before
    assert schema.rows('SELECT "of" FROM a_page ORDER BY id') == [(1,), (2,), (3,)]


SECRETS = """
ddl.add_column("thing", sa.Column("api_token", sa.String(8), nullable=True))
ddl.create_table(
    "ticket",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("code_digest", sa.String(8), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_ticket"),
)
ddl.create_table(
    "parcel",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("secret", sa.String(8), nullable=True),
    sa.Column("tokens_left", sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_parcel"),
)
"""
NO_SECRETS = """
ddl.drop_table("parcel")
ddl.drop_table("ticket")
ddl.drop_column("thing", "api_token")
"""


def test_a_secret_is_known_by_its_name(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = history(tmp_path, STORY[0], ("expand", SECRETS, NO_SECRETS))
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO thing (api_token) VALUES ('t')")
    schema.execute("INSERT INTO ticket (code_digest) VALUES ('d')")
    schema.execute("INSERT INTO parcel (secret, tokens_left) VALUES ('s', 3)")

    schema.downgrade("0001", directory=directory)

    assert kept_in(schema) == ["_kept_0002_parcel"]
    assert schema.columns("_kept_0002_parcel") == {"id", "tokens_left"}
    assert "thing.api_token is not kept: it was derived or is secret" in caplog.text
    assert "parcel.secret is not kept: it was derived or is secret" in caplog.text
    assert "ticket is not kept: its rows are secrets, by the name of code_digest." in caplog.text
    schema.upgrade(directory=directory)
    assert schema.rows("SELECT api_token FROM thing") == [(None,)]
    assert schema.rows("SELECT id FROM ticket") == []
    assert schema.rows("SELECT secret, tokens_left FROM parcel") == [(None, 3)]


ALICE = "INSERT INTO \"user\" (id, name, name_key) VALUES (7, 'alice', 'alice')"
SESSION = (
    "INSERT INTO user_session (id, user_id, digest, remembered, ip, user_agent, created_at, "
    "last_seen_at) VALUES (1, 7, 'd', :no, '::1', '', '2026-11-01', '2026-11-01')"
)
TOKEN = (
    "INSERT INTO user_token (user_id, purpose, digest, code_tries, created_at) "
    "VALUES (7, 'reset', 'd', 0, '2026-11-01')"
)


def test_no_session_and_no_mailed_link_comes_back_with_an_upgrade(at_head: Schema) -> None:
    at_head.execute(ALICE)
    at_head.execute(SESSION, no=False)
    at_head.execute(TOKEN)
    at_head.execute("INSERT INTO user_role (user_id, role_id, granted_at) "
                    "SELECT 7, id, '2026-11-01' FROM role WHERE name = 'support'")  # fmt: skip

    at_head.downgrade("0007")

    kept = {name.split("_", 3)[-1] for name in kept_in(at_head)}
    assert "user_role" in kept
    assert kept.isdisjoint({"user_session", "user_token", "held_form"})
    at_head.upgrade()
    for table, rows in {"user_session": 0, "user_token": 0, "user_role": 1}.items():
        assert at_head.scalar(f"SELECT COUNT(*) FROM {table}") == rows, table
