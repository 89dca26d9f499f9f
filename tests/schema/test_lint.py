"""What is dangerous in a revision is found, with what to write instead."""

import json
import shutil
from pathlib import Path

import pytest

from app.revisions import squawk
from tests.schema.conftest import ROOT, Schema
from tests.schema.histories import DROP, FILL, KEY, PAL, PERSON, add, db, written


def test_the_revisions_of_this_project_pass(sqlite: Schema) -> None:
    result = db(sqlite, ROOT / "migrations", "lint")

    assert (result.exit_code, result.output) == (0, "Nothing dangerous was found.\n")
    assert sqlite.tables == set()


NOT_NULL = 'ddl.add_column("person", sa.Column("x", sa.String(9), nullable=False))'
LENGTH = 'op.alter_column("person", "name", existing_type=sa.String(32), type_=sa.String(64))'
BEST = """ddl.add_column(
        "person", sa.Column("best", sa.Integer(), sa.ForeignKey("person.id", name="fk_best"))
    )"""
COPY = "sa.insert(person).from_select(['name'], sa.select(person.c.slug))"
# Each way that SQLAlchemy has to write into all rows of a table.
WRITES = {
    "held in a name": "write = sa.update(person).values(name='x')\n    op.execute(write)",
    "of the table": "op.execute(person.delete())",
    "of the table, with values": "op.execute(person.update().values(name='x'))",
    "past the parser": 'op.get_bind().exec_driver_sql("DELETE FROM person")',
    "in a text": 'op.execute(sa.text("UPDATE person SET name = slug"))',
    "after WITH": """op.execute("WITH x AS (SELECT 1) UPDATE person SET name = 'x'")""",
}
COPIES = {
    "by from_select": f"op.execute({COPY})",
    "of the table": "op.execute(person.insert().from_select(['name'], sa.select(person.c.slug)))",
    "in SQL": 'op.execute("INSERT INTO pet (name) SELECT name FROM person")',
}
DANGEROUS = {
    "mixed stages": ("expand", 'ddl.drop_column("person", "name")'),
    "unbatched write": ("backfill", "op.execute(\"UPDATE person SET name = 'x'\")"),
    "rendered write": (
        "expand",
        "write = sa.update\n    op.execute(write(person).values(name='x'))",
    ),
    "imports the models": ("expand", "pass", "pass", "from app.accounts.models import User"),
    "NOT NULL without a default": ("expand", NOT_NULL),
    "unique over rows": (
        "expand",
        'ddl.create_index("ix_person_name", "person", ["name"], unique=True)',
    ),
    "unnamed constraint": (
        "expand",
        'ddl.create_table("x", sa.Column("id", sa.Integer()), sa.UniqueConstraint("id"))',
    ),
    "native ENUM": (
        "expand",
        'ddl.add_column("person", sa.Column("x", sa.Enum("a", "b", name="letters")))',
    ),
    "SQLite writes the table anew": ("contract", LENGTH),
    "MariaDB copies the table": ("contract", LENGTH),
    "data dies uncounted": ("contract", 'ddl.drop_table("person")'),
    "index of a foreign key": ("contract", f'{PAL}\n    ddl.drop_index("ix_pal", "person")'),
    "foreign key without an index": (
        "expand",
        'ddl.add_foreign_key("fk_person_best", "person", ["best"], "person", ["id"])',
    ),
    "foreign key without an index, with its column": ("expand", BEST),
    "unique over rows, by its other name": (
        "expand",
        'ddl.create_unique_index("ix_x", "person", ["name"])',
    ),
    "raw MODIFY": ("contract", 'op.execute("ALTER TABLE person MODIFY name TEXT")'),
    "foreign_keys in a revision": ("contract", 'op.execute("PRAGMA foreign_keys = OFF")'),
    "CHECK over rows": ("contract", 'op.create_check_constraint("ck", "person", "id > 0")'),
    "column past ddl": ("expand", 'op.add_column("person", sa.Column("x", sa.Integer()))'),
    "INSERT of all rows": (
        "expand",
        'op.execute("INSERT INTO pet (name) SELECT name FROM person")',
    ),
    **{f"unbatched write, {what}": ("contract", up) for what, up in WRITES.items()},
    **{f"INSERT of all rows, {what}": ("backfill", up) for what, up in COPIES.items()},
    "INSERT of all rows, down": ("expand", "pass", COPIES["by from_select"]),
    "rendered write, a copy": ("expand", f"copy = {COPY}\n    {{op.execute(copy)}}"),
    "no stage": ("expanding", "pass"),
    "nothing to wait for": ("contract", "pass"),
}


VOLATILE = 'server_default=sa.text("gen_random_uuid()")'
# What squawk finds on PostgreSQL alone, where a revision goes round ddl.
NAIVE = {
    "require-concurrent-index-creation": 'op.create_index("ix_name", "person", ["name"])',
    "require-concurrent-index-deletion": 'op.drop_index("ix_name", "person")',
    "adding-required-field": f"op.{NOT_NULL[4:]}",
    "adding-field-with-default": 'ddl.add_column("person", sa.Column("x", sa.Uuid(), '
    + VOLATILE
    + "))",
    "changing-column-type": LENGTH,
    "adding-not-nullable-field": 'op.alter_column("person", "name", nullable=False)',
    "adding-foreign-key-constraint": 'op.create_foreign_key("fk", "person", "pet", ["a"], ["id"])',
    "constraint-missing-not-valid": 'op.create_check_constraint("ck", "person", "id > 0")',
    "disallowed-unique-constraint": 'op.create_unique_constraint("uq", "person", ["name"])',
    "renaming-column": 'op.alter_column("person", "name", new_column_name="title")',
    "renaming-table": 'op.rename_table("person", "people")',
    "ban-drop-column": 'op.drop_column("person", "name")',
    "ban-drop-table": 'op.drop_table("person")',
    "ban-truncate-cascade": 'op.execute("TRUNCATE person CASCADE")',
}
LEAST = {"prefer-timestamp-tz": 'op.add_column("person", sa.Column("x", sa.DateTime()))'}


@pytest.mark.parametrize("rule", NAIVE | LEAST)
def test_what_would_make_people_wait_on_postgresql_is_found_where_it_stands(
    sqlite: Schema, tmp_path: Path, rule: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    file = add(folder, "contract", (NAIVE | LEAST)[rule])

    result = db(sqlite, folder, "lint", "--json")

    [found] = [each for each in json.loads(result.stdout) if each["rule"] == rule]
    assert found["file"] == file.name
    assert found["level"] == ("error" if rule in NAIVE else "warning")
    assert (NAIVE | LEAST)[rule] in file.read_text().splitlines()[found["line"] - 1]
    assert found["instead"]


def test_what_ddl_does_is_safe_on_postgresql(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL, DROP)
    steps = [
        'ddl.create_index("ix", "person", ["slug"], unique=True)',
        'ddl.set_not_null("person", "slug")',
        'ddl.create_index("ix_friend", "person", ["friend"])',
        'ddl.add_foreign_key("fk", "person", ["friend"], "person", ["id"])',
        'ddl.create_staleness_trigger("person", source="name", derived="slug")',
        'ddl.drop_staleness_trigger("person", derived="slug")',
        'ddl.drop_foreign_key("fk", "person")',
        'ddl.drop_not_null("person", "slug")',
        'ddl.drop_index("ix", "person")',
    ]
    add(folder, "contract", "\n    ".join(steps), head="requires_done: list[str] = []")

    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"


def test_the_index_of_a_key_may_follow_the_column_that_brought_it(
    sqlite: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    index = 'ddl.create_index("ix_best", "person", ["best"])'
    down = 'ddl.drop_index("ix_best", "person")\n    ddl.drop_column("person", "best")'
    file = add(folder, "expand", f"{BEST}\n    {index}", down)
    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"

    file.write_text(file.read_text().replace(index, "pass"))
    [found] = json.loads(db(sqlite, folder, "lint", "--json").stdout)

    assert found["rule"] == "foreign key without an index"
    assert "ddl.create_index over best after it" in found["instead"]
    assert "ddl.add_column(" in file.read_text().splitlines()[found["line"] - 1]


PET = """ddl.create_table(
        "pet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Integer(), {}),
        sa.PrimaryKeyConstraint("id", name="pk_pet"),
        {}
    )"""
OF_TABLE = 'sa.ForeignKeyConstraint(["owner"], ["person.id"], name="fk_pet_owner"),'
OF_COLUMN = 'sa.ForeignKey("person.id", name="fk_pet_owner")'
OWNER = 'ddl.create_index("ix_pet_owner", "pet", ["owner", "id"])'


@pytest.mark.parametrize("pet", [PET.format("", OF_TABLE), PET.format(OF_COLUMN, "")])
def test_a_key_that_comes_with_its_table_needs_an_index_too(
    sqlite: Schema, tmp_path: Path, pet: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    file = add(folder, "expand", pet, 'ddl.drop_table("pet")')

    [found] = json.loads(db(sqlite, folder, "lint", "--json").stdout)

    assert found["rule"] == "foreign key without an index"
    assert found["instead"].startswith("each DELETE in person reads all of pet: ddl.create_index")
    assert "ddl.create_table(" in file.read_text().splitlines()[found["line"] - 1]
    add(folder, "expand", OWNER, 'ddl.drop_index("ix_pet_owner", "pet")')
    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"


GONE = 'ddl.drop_foreign_key("fk_pet_owner", "pet")'
SERVED = {
    "by its primary key": PET.format("", OF_TABLE).replace('("id", name', '("owner", "id", name'),
    "by what is unique": PET.format("", f'sa.UniqueConstraint("owner", name="uq"), {OF_TABLE}'),
    "by its column": PET.format("unique=True", OF_TABLE),
    "by an index": f"{PET.format('', OF_TABLE)}\n    {OWNER}",
    "by nothing, and gone": f"{PET.format('', OF_TABLE)}\n    {GONE}",
}


@pytest.mark.parametrize("how", SERVED)
def test_a_key_that_is_served_is_not_reported(sqlite: Schema, tmp_path: Path, how: str) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", SERVED[how], 'ddl.drop_table("pet")')

    assert "without an index" not in db(sqlite, folder, "lint").output


def test_a_column_whose_name_is_worked_out_is_not_guessed_at(
    sqlite: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    named = BEST.replace('"best"', "name")
    loop = f'for name in ["best"]:\n        {named}'
    index = 'ddl.create_index(f"ix_{name}", "person", [name])'
    add(folder, "expand", f"{loop}\n        {index}")

    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"


def test_what_a_batch_copies_is_not_all_rows(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    copy = COPIES["by from_select"].replace("op.", "connection.")
    body = f"def keys(connection, rows):\n    {copy}\n    return {{}}\n"
    work = "work = backfill.Backfill(person, person.c.slug.is_(None), ['name'], keys)"
    add(folder, "backfill", "work.run()", head=f"\n\n{body}\n\n{work}")

    assert db(sqlite, folder, "lint").output == "Nothing dangerous was found.\n"


def test_two_ends_are_found(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    text = (folder / "versions" / "0002_step.py").read_text()
    other = folder / "versions" / "0003_other.py"
    other.write_text(text.replace('revision = "0002"', 'revision = "0003"'))

    assert "two ends (0002, 0003)" in refused(sqlite, folder)

    other.rename(folder / "versions" / "0002_other.py").write_text(text)
    with pytest.warns(UserWarning, match="present more than once"):
        assert "two ends (0002)" in refused(sqlite, folder)


def test_a_head_that_is_not_the_newest_is_found(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    (folder / "HEAD").write_text("0001\n")

    assert "HEAD:1: error: not the newest: It says '0001'" in refused(sqlite, folder)


def test_a_file_that_was_edited_after_it_ran_is_found(schema: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(schema, folder, "upgrade", "0001")
    for name in ("0001_step.py", "0002_step.py"):
        file = folder / "versions" / name
        file.write_text(file.read_text() + "\n# more\n")

    said = refused(schema, folder)

    assert "0001_step.py:1: error: edited after it ran: 0001 was edited" in said
    assert "put it back as it was" in said
    assert "0002" not in said


def test_without_a_database_it_says_what_was_not_looked_at(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    nowhere = Schema("postgresql://nobody@127.0.0.1:9/nothing")

    result = db(nowhere, folder, "lint")

    assert (result.exit_code, result.stdout) == (0, "Nothing dangerous was found.\n")
    assert "edited after it ran was not looked at. The database does not answer" in result.stderr


def refused(schema: Schema, folder: Path) -> str:
    result = db(schema, folder, "lint")
    assert result.exit_code == 1, result.output
    return result.output


def test_without_squawk_it_says_what_was_not_looked_at(
    sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    add(folder, "expand", NAIVE["require-concurrent-index-creation"])
    monkeypatch.setattr(squawk, "program", lambda: None)

    result = db(sqlite, folder, "lint")

    assert result.exit_code == 0
    assert result.stderr.startswith("PostgreSQL was checked by our own rules alone")
    assert result.stdout == "Nothing dangerous was found.\n"


def test_a_squawk_that_fails_is_not_taken_for_silence(
    sqlite: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    monkeypatch.setattr(squawk, "program", lambda: shutil.which("false"))

    result = db(sqlite, folder, "lint")

    assert result.exit_code == 1
    assert "false does not answer" in result.output


@pytest.mark.parametrize("rule", DANGEROUS)
def test_each_danger_is_found_with_what_to_write_instead(
    sqlite: Schema, tmp_path: Path, rule: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    name = add(folder, *DANGEROUS[rule]).name

    result = db(sqlite, folder, "lint", "--json")

    found = [each for each in json.loads(result.stdout) if each["rule"] == rule.partition(",")[0]]
    assert found, result.output
    assert {each["file"] for each in found} == {name}
    assert all(each["instead"] for each in found)
    assert result.exit_code == (0 if rule == "nothing to wait for" else 1)
