"""What becomes stricter over rows, and what `flask db migrate` refuses of it in a sentence."""

from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.histories import PERSON, db, one_sentence, ruff, written
from tests.schema.test_authoring import migrate, new_files

PET = """

class Pet(Model):
    __tablename__ = "pet"
    __table_args__ = {arguments}

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int | None] = mapped_column({key})
"""


class Models:
    """The models of a project, in which tables come and change."""

    def __init__(self, schema: Schema, project: Path) -> None:
        self.schema, self.project = schema, project
        self.file = project / "app" / "accounts" / "models.py"
        self.before = self.file.read_text()

    def become(self, added: str = "", *, old: str = "", new: str = "") -> None:
        assert old in self.before
        self.file.write_text(self.before.replace(old, new, 1 if old else 0) + added)

    def migrated(self) -> str:
        """Write what changed, run it, and return what was written."""
        known = new_files(self.project)
        made = migrate(self.schema, self.project, "-m", "Changing")
        assert made.returncode == 0, made.stderr
        files = [each for each in new_files(self.project) if each not in known]
        assert not files or ruff(*files) == ""
        ran = db(self.schema, self.project / "migrations", "upgrade")
        assert ran.exit_code == 0, ran.output
        return "\n".join(file.read_text() for file in files)

    def refused(self) -> str:
        """Return the sentence that refuses what changed."""
        known = new_files(self.project)
        made = migrate(self.schema, self.project, "-m", "Trying")
        assert made.returncode == 1, made.stdout
        assert "Traceback" not in made.stderr
        assert new_files(self.project) == known
        return made.stderr


@pytest.fixture
def models(sqlite_at_head: Schema, project: Path) -> Models:
    return Models(sqlite_at_head, project)


def test_a_key_on_a_column_that_is_there_is_for_the_contract(models: Models) -> None:
    models.become(PET.format(arguments="TABLE_OPTIONS", key=""))
    models.migrated()
    models.become(PET.format(arguments="TABLE_OPTIONS", key='sa.ForeignKey("user.id"), index=True'))

    migrate(models.schema, models.project, "-m", "Pointing")

    folder = models.project / "migrations"
    assert db(models.schema, folder, "expand").exit_code == 0
    models.schema.execute("INSERT INTO pet (owner) VALUES (99)")  # the release of before may
    refused = db(models.schema, folder, "contract")
    assert "Rows of pet point at owner 99, and user has none such" in refused.output
    models.schema.execute("DELETE FROM pet")
    assert db(models.schema, folder, "contract").exit_code == 0


def test_a_key_that_becomes_required_is_not_filled_with_rows_that_are_none(models: Models) -> None:
    old = (
        'user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))'
    )
    models.become(old=old, new=old.replace("int | None", "int"))

    said = models.refused()

    assert "user_token.user_id may not be empty any more and points at rows of user" in said
    assert "write the backfill yourself, from `flask db revision`" in said


NEW = (
    (
        "is computed or counted by the engine",
        "age: Mapped[int] = mapped_column(sa.Computed('id * 2', persisted=True))",
    ),
    ("computed or counted", "age: Mapped[int] = mapped_column(sa.Identity())"),
    (
        "no constant, of which each",
        "at: Mapped[datetime] = mapped_column(server_default=sa.func.now())",
    ),
    (
        "leave deferrable and initially out",
        'a_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", deferrable=True))',
    ),
    (
        "pet and toy are new and point at each other: make them without pet.toy_id",
        """toy_id: Mapped[int | None] = mapped_column(sa.ForeignKey("toy.id", use_alter=True))


class Toy(Model):
    __tablename__ = "toy"

    id: Mapped[int] = mapped_column(primary_key=True)
    pet_id: Mapped[int | None] = mapped_column(sa.ForeignKey("pet.id"))""",
    ),
)


def test_what_a_new_table_may_not_have_is_refused(models: Models) -> None:
    for sentence, line in NEW:
        models.become(PET.format(arguments="TABLE_OPTIONS", key="") + f"    {line}\n")
        assert sentence in models.refused()
    models.become("User.shout = mapped_column(sa.String(9), sa.Computed('name'))\n")
    assert "user.shout is computed or counted by the engine" in models.refused()


SHOP = """

class Kind(enum.Enum):
    small = "s"
    large = "l"
{more}

class Shop(Model):
    __tablename__ = "shop"
    __table_args__ = ({check}{unique}TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(key(20), unique=True, index=True{comment})
    age: Mapped[int] = mapped_column({age})
    kind: Mapped[Kind] = mapped_column(
        sa.Enum(Kind, native_enum=False, create_constraint=True, length=9)
    )
    name: Mapped[str] = mapped_column({name})
    open: Mapped[bool] = mapped_column({open})
    papers: Mapped[dict] = mapped_column(sa.JSON, server_default="{{}}")
    at: Mapped[datetime] = mapped_column(server_default="2020-01-01 00:00:00")
    paid: Mapped[float] = mapped_column(server_default="1.50")
    count: Mapped[int] = mapped_column(server_default=sa.text("0"))


class Clerk(Model):
    __tablename__ = "clerk"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str] = mapped_column({shop}, sa.ForeignKey("shop.code"), index=True)
"""
AS_MADE = {
    "more": "",
    "check": "sa.CheckConstraint(\"age > 0 AND name <> 'it''s 5%'\", name=\"age\"), ",
    "unique": 'sa.UniqueConstraint("name", "age"), ',
    "comment": "",
    "age": "",
    "name": 'sa.String(20), server_default="it\'s"',
    "open": "server_default=sa.true()",
    "shop": "key(20)",
}
CHANGES = (
    ("shop has a CHECK that is in no model any more (ck_shop_age)", {"check": ""}),
    (
        "shop has a CHECK that changes (ck_shop_age: 7)",
        {"check": 'sa.CheckConstraint("age > 7", name="age"), '},
    ),
    ("shop has a CHECK that changes (ck_shop_kind: wide)", {"more": '    wide = "w"\n'}),
    ("shop is no longer unique by uq_shop_name_age, a constraint", {"unique": ""}),
    ("shop has the primary key id, and its model has id, age", {"age": "primary_key=True"}),
    ("shop.name loses its server_default", {"name": "sa.String(20)"}),
    ("shop.name changes its server_default", {"name": "sa.String(20), server_default='its'"}),
    ("shop.open changes its server_default", {"open": "server_default=sa.false()"}),
    ("shop.name is computed by the engine in", {"name": "sa.String(20), sa.Computed('age')"}),
    ("shop.age gets a server_default", {"age": "server_default='1'"}),
    ("clerk.shop grows and stands in a foreign key", {"shop": "key(30)"}),
)


def test_what_changes_of_a_table_that_is_there_is_not_passed_over(
    at_head: Schema, project: Path
) -> None:
    models = Models(at_head, project)
    models.before += "\nimport enum\n"
    models.become(SHOP.format(**AS_MADE))
    models.migrated()
    for sentence, change in CHANGES:
        models.become(SHOP.format(**AS_MADE | change))
        assert sentence in models.refused()
    models.become(SHOP.format(**AS_MADE | {"comment": ', comment="What people say"'}))
    assert models.migrated() == ""  # a comment changes nothing for anybody
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout


def test_a_backfill_that_points_at_nothing_keeps_what_it_did_and_says_so(
    sqlite: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = 'sa.Column("pal", sa.Integer(), sa.ForeignKey("person.id"), nullable=True)'
    head = """
def pals(connection: sa.Connection, rows: backfill.Rows) -> backfill.Values:
    return {row.id: {"pal": 99} for row in rows}


person = sa.table("person", sa.column("id"), sa.column("pal"))
work = backfill.Backfill(table=person, due=person.c.pal.is_(None), reads=[], compute=pals)
"""
    folder = written(
        tmp_path / "m",
        PERSON,
        ("expand", f'ddl.add_column("person", {key})'),
        ("backfill", "work.run()", "pass", head),
    )
    assert db(sqlite, folder, "upgrade", "0002").exit_code == 0
    sqlite.execute("INSERT INTO person (name) VALUES ('alice')")

    ran = db(sqlite, folder, "upgrade")

    said = one_sentence(ran, caplog)
    assert "1 rows would point at nothing (person → person), so this step is not done" in said
    assert sqlite.version == "0002"
    assert sqlite.scalar("SELECT pal FROM person") == 99
