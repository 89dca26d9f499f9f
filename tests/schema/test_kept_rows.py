"""What is kept aside comes back whole, however its rows are named and whatever they point at."""

from pathlib import Path

import pytest

from app.schema import progress
from tests.schema.conftest import Schema
from tests.schema.revisions import DROP_THING, THING, history
from tests.schema.test_kept import STORY, filled, kept_in, let_pass, swept
from tests.schema.test_kept_people import MADE
from tests.schema.test_run import until_done

WORD = """
ddl.create_table(
    "word",
    sa.Column("word", ddl.key(16), nullable=False),
    sa.PrimaryKeyConstraint("word", name="pk_word"),
)
"""
MEANING = 'ddl.add_column("word", sa.Column("meaning", sa.String(16), nullable=True))'
NO_MEANING = 'ddl.drop_column("word", "meaning")'
WORDS = ["%", "%%", "50%", "a%b", "a:b", "it's", "back\\slash", "x"]

TREE = """
ddl.create_table(
    "tree",
    sa.Column("number", sa.Integer(), nullable=False, autoincrement=True),
    sa.Column("parent", sa.Integer(), nullable=True),
    sa.Column("thing_id", sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint("number", name="pk_tree"),
    sa.ForeignKeyConstraint(["parent"], ["tree.number"], name="fk_tree_parent"),
    sa.ForeignKeyConstraint(["thing_id"], ["thing.id"], name="fk_tree_thing", ondelete="CASCADE"),
)
"""
TREES = "SELECT number, parent, thing_id FROM tree ORDER BY number"


def test_a_key_may_have_any_sign(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LEAST", 3)
    steps = ("expand", WORD, 'ddl.drop_table("word")'), ("expand", MEANING, NO_MEANING)
    directory = history(tmp_path, *steps)
    schema.upgrade(directory=directory)
    for word in WORDS:
        schema.execute("INSERT INTO word (word, meaning) VALUES (:word, :word)", word=word)

    schema.downgrade("0001", directory=directory)
    schema.upgrade(directory=directory)

    assert sorted(schema.rows("SELECT word, meaning FROM word")) == [(w, w) for w in sorted(WORDS)]
    assert kept_in(schema) == []


def planted(schema: Schema, tmp_path: Path) -> str:
    """Live through a history whose second table points at itself."""
    steps = ("expand", THING, DROP_THING), ("expand", TREE, 'ddl.drop_table("tree")')
    directory = history(tmp_path, *steps)
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO thing (id) VALUES (1), (2)")
    schema.execute("INSERT INTO tree (number, thing_id) VALUES (1, NULL), (2, 2), (3, 1), (4, 1)")
    # A child before its parent, one that is its own, two in a circle, a child of what goes.
    pointers = {1: 3, 3: 4, 4: None, 5: 5, 6: 7, 7: 6, 8: 2, 9: 8}
    for number in range(5, 10):
        schema.execute("INSERT INTO tree (number) VALUES (:number)", number=number)
    for number, parent in pointers.items():
        schema.execute("UPDATE tree SET parent = :p WHERE number = :n", p=parent, n=number)
    return directory


@pytest.fixture
def trees(schema: Schema, tmp_path: Path) -> str:
    return planted(schema, tmp_path)


def test_a_table_that_points_at_itself_comes_back(schema: Schema, trees: str) -> None:
    before = schema.rows(TREES)
    schema.downgrade("0001", directory=trees)
    schema.upgrade(directory=trees)

    assert schema.rows(TREES) == before
    assert kept_in(schema) == []
    schema.execute("INSERT INTO tree (parent) VALUES (1)")  # its key is no `id`, and goes on
    assert schema.scalar("SELECT MAX(number) FROM tree") == 10


def test_on_mariadb_that_may_die_after_any_statement(mariadb: Schema, tmp_path: Path) -> None:
    directory = planted(mariadb, tmp_path)
    before = mariadb.rows(TREES)

    until_done(lambda to: mariadb.downgrade(to, directory=directory), "0001")
    until_done(lambda to: mariadb.upgrade(to, directory=directory), "head")

    assert mariadb.rows(TREES) == before


@pytest.mark.parametrize("sweep", [False, True])
def test_who_points_at_one_that_is_gone_does_not(schema: Schema, trees: str, sweep: bool) -> None:
    schema.downgrade("0001", directory=trees)
    schema.execute("DELETE FROM thing WHERE id = 2")
    if sweep:
        swept(schema)
        assert schema.rows("SELECT number FROM _kept_0002_tree WHERE number IN (2, 8, 9)") == []
    schema.upgrade(directory=trees)

    numbers = [row.number for row in schema.rows(TREES)]
    assert numbers == [1, 3, 4, 5, 6, 7]
    assert kept_in(schema) == []


def test_a_table_without_a_key_comes_back(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = 'ddl.create_table("line", sa.Column("at", sa.Integer()), sqlite_autoincrement=False)'
    more = 'ddl.add_column("line", sa.Column("said", sa.String(8), nullable=True))'
    steps = (
        ("expand", line, 'ddl.drop_table("line")'),
        ("expand", more, 'ddl.drop_column("line", "said")'),
    )
    directory = history(tmp_path, *steps)
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO line (at, said) VALUES (1, 'a'), (1, 'a'), (2, NULL)")

    schema.downgrade("base", directory=directory)
    schema.upgrade(directory=directory)

    assert "line.said is not kept: its table has no key." in caplog.text
    assert schema.rows("SELECT at, said FROM line ORDER BY at") == [(1, None), (1, None), (2, None)]
    assert kept_in(schema) == []


LONG = [f"{'long' * 14}_{end}" for end in ("one", "two")]


def test_tables_with_long_names_do_not_share_what_is_kept(schema: Schema, tmp_path: Path) -> None:
    made = [THING.replace("pk_thing", f"pk_{n[-3:]}").replace('"thing"', f'"{n}"') for n in LONG]
    made.append(MADE.format(table="leaf", column="of", parent=LONG[0]))
    gone = "\n".join(f'ddl.drop_table("{name}")' for name in ["leaf", *LONG])
    directory = history(tmp_path, ("expand", "".join(made), gone))
    schema.upgrade(directory=directory)
    for name in LONG:
        schema.execute(f"INSERT INTO {name} (id, name) VALUES (1, :name)", name=name)
    schema.execute('INSERT INTO leaf (id, "of") VALUES (1, 1)')

    schema.downgrade("base", directory=directory)
    swept(schema)
    assert len(kept_in(schema)) == 3
    schema.upgrade(directory=directory)

    assert [schema.scalar(f"SELECT name FROM {name}") for name in LONG] == LONG
    assert schema.rows("SELECT id FROM leaf") == [(1,)]
    assert kept_in(schema) == []


def test_a_revision_s_id_may_have_an_underscore(schema: Schema, tmp_path: Path) -> None:
    directory = history(tmp_path, *STORY)
    [newest] = Path(directory).glob("versions/*0003*")
    newest.write_text(newest.read_text().replace('"0003"', '"part_of_3"'))
    filled(schema, directory)
    schema.downgrade("0002", directory=directory)
    schema.execute("DELETE FROM thing WHERE id = 3")

    swept(schema)

    assert kept_in(schema) == ["_kept_part_of_3_part"]
    assert schema.rows("SELECT name FROM _kept_part_of_3_part ORDER BY name") == [("p",), ("q",)]
    let_pass(schema, "part_of_3", days=31)
    swept(schema)
    assert kept_in(schema) == []


PASSWORDS = """
ddl.create_table(
    "door",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("Password", sa.String(8), nullable=True),
    sa.Column("totp_seed", sa.String(8), nullable=True),
    sa.Column("OTP", sa.String(8), nullable=True),
    sa.Column("seeds", sa.String(8), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_door"),
)
"""


def test_a_secret_s_name_may_be_in_capitals(schema: Schema, tmp_path: Path) -> None:
    steps = ("expand", THING, DROP_THING), ("expand", PASSWORDS, 'ddl.drop_table("door")')
    directory = history(tmp_path, *steps)
    schema.upgrade(directory=directory)
    schema.execute("INSERT INTO door (id, \"Password\", \"OTP\", seeds) VALUES (1, 'p', 'o', 's')")

    schema.downgrade("0001", directory=directory)

    assert schema.columns("_kept_0002_door") == {"id", "seeds"}


def test_the_password_of_0001_is_kept_and_that_is_said(
    schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    schema.upgrade("0001")
    schema.add_people({"Alice": "in plain text"})

    schema.downgrade("base")

    assert "user, with password in plain text, is kept in _kept_0001_user" in caplog.text
    schema.upgrade("0001")
    assert schema.rows('SELECT name, password FROM "user"') == [("Alice", "in plain text")]
