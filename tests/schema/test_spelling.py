"""How `flask db migrate` spells what a model says: values, types, names, and long words."""

from pathlib import Path

from tests.schema.conftest import HEAD, Schema
from tests.schema.histories import change_models, db, ruff
from tests.schema.test_authoring import column, migrate, new_files

VALUES = """

import enum
import uuid
from datetime import UTC, time, timedelta, timezone
from decimal import Decimal

from sqlalchemy.dialects import postgresql


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Cents(sa.TypeDecorator):
    impl = sa.Numeric(10, 2)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else Decimal(value) / 100


class Later(sa.TypeDecorator):
    impl = UTCDateTime
    cache_ok = True


for name, kind, default in (
    ("a_price", sa.Numeric(10, 2), Decimal("1.50")),
    ("a_day", sa.Date, date(2020, 1, 2)),
    ("a_moment", Later, datetime(2020, 1, 2, 3, tzinfo=timezone(timedelta(hours=1)))),
    ("a_time", sa.Time, time(4, 5)),
    ("a_span", sa.Interval, timedelta(days=1)),
    ("a_reference", sa.Uuid, uuid.UUID(int=5)),
    ("a_colour", sa.String(9), Colour.RED),
    ("a_level", sa.Integer, Level.HIGH),
    ("a_fee", Cents, 250),
    ("a_blob", sa.LargeBinary, b"\\xff'"),
):
    setattr(User, name, mapped_column(kind, default=default, nullable=False))
User.a_span_of_none = mapped_column(sa.Interval, nullable=False)
prefs = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
User.prefs = mapped_column(prefs, nullable=True)
"""
STORED = {
    "a_price": "1.5",
    "a_day": "20200102",
    "a_moment": "20200102 02:00:00",
    "a_time": "4:05:00",
    "a_reference": "00000000000000000000000000000005",
    "a_colour": "red",
    "a_level": "3",
    "a_fee": "2.5",
}


def test_the_values_and_types_of_a_model_are_written_so_that_they_run(
    at_head: Schema, project: Path
) -> None:
    at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    change_models(project, VALUES)

    made = migrate(at_head, project, "-m", "Adding values")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    ran = db(at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    for name, value in STORED.items():
        stored = at_head.scalar(f'SELECT {name} FROM "user"')
        assert value in str(stored).replace("-", ""), name
    assert bytes(at_head.scalar('SELECT a_blob FROM "user"')) == b"\xff'"
    check = at_head.flask("db", "check", cwd=project)
    assert check.returncode == 0, check.stdout + check.stderr


INDEX = "sa.Index('ix_user_odd', {})"
MORE = "ix_user_odd on user is more than columns"
PET = """

class Pet(Model):
    __tablename__ = "pet"
    __table_args__ = (sa.Index("ix_pet_name", sa.text("lower(name)")), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
"""
REFUSED = [
    ("user.prefs is JSON, and whether it may be empty", column("prefs", "sa.JSON", nullable=False)),
    ("user.bag is JSON, and whether it may be empty", column("bag", "sa.JSON", nullable=False)),
    (
        "The default= of user.at is of type object, which a revision cannot write",
        "User.at = mapped_column(sa.Integer, default=object(), nullable=False)",
    ),
    (
        "Point is no type of SQLAlchemy's, and a revision imports no model",
        "class Point(sa.types.UserDefinedType):\n    pass\n\n\n"
        "User.at = mapped_column(Point, nullable=True)",
    ),
    (
        "user.at may not be empty, and nothing here knows a value to begin with",
        "class Point(sa.types.UserDefinedType):\n    pass\n\n\n"
        "User.at = mapped_column(Point, nullable=False)",
    ),
    (
        "user.at is a string without a length, which MariaDB does not take: say sa.String(n)",
        column("at", "sa.String"),
    ),
    (
        "user.boss points at user and has no index, so each DELETE there would read all of user",
        "User.boss = mapped_column(sa.ForeignKey('user.id'), nullable=True)",
    ),
    (
        "say sa.Index(None, 'name', 'email', unique=True) in its place",
        "User.__table__.append_constraint(sa.UniqueConstraint('name', 'email', name='uq_user'))",
    ),
    (MORE, INDEX.format("User.display_name, sqlite_where=User.id > 1")),
    (MORE, INDEX.format("User.display_name, postgresql_using='hash'")),
    (MORE, INDEX.format("User.created_at.desc()")),
    (MORE, INDEX.format("sa.func.lower(User.display_name)")),  # of which Alembic says nothing
    ("ix_pet_name on pet is more than columns", PET),
]


def test_what_no_revision_can_spell_is_refused_in_a_sentence(
    sqlite_at_head: Schema, project: Path
) -> None:
    sqlite_at_head.execute("ALTER TABLE user ADD COLUMN bag JSON")
    models = project / "app" / "accounts" / "models.py"
    before = models.read_text()
    for reason, lines in REFUSED:
        nullable_bag = [] if "bag" in lines else [column("bag", "sa.JSON")]
        models.write_text("\n".join([before, *nullable_bag, lines]) + "\n")

        made = migrate(sqlite_at_head, project, "-m", "Trying")

        assert made.returncode == 1, reason
        assert reason in made.stderr
        assert "Traceback" not in made.stderr
        assert new_files(project) == []
        assert (project / "migrations" / "HEAD").read_text() == f"{HEAD}\n"


def test_a_default_will_do_for_what_is_unique_beside_others(
    sqlite_at_head: Schema, project: Path
) -> None:
    change_models(
        project,
        "User.kind = mapped_column(sa.String(9), default='cat', nullable=False)",
        "sa.Index('ix_user_kind', User.kind, User.name, unique=True)",
    )

    made = migrate(sqlite_at_head, project, "-m", "Adding kinds")

    assert made.returncode == 0, made.stderr
    assert any(
        "{'kind': 'cat'}" in each.read_text().replace('"', "'") for each in new_files(project)
    )


def test_an_index_that_was_made_by_hand_stands_and_goes_by_hand(
    at_head: Schema, project: Path
) -> None:
    kinds = {"ix_user_newest": "display_name DESC", "ix_user_lower": "(lower(display_name))"}
    lines = ["sa.Index('ix_user_newest', User.display_name.desc())"]
    if at_head.dialect == "mariadb":
        del kinds["ix_user_lower"]  # which it has not
    else:
        kinds["ix_user_some"] = "display_name) WHERE (id > 1"
        lines += ["sa.Index('ix_user_lower', sa.func.lower(User.display_name))"]
        lines += [
            "some = User.id > 1\nsa.Index('ix_user_some', User.display_name, sqlite_where=some, "
            "postgresql_where=some)"
        ]
    for name, over in kinds.items():
        at_head.execute(f'CREATE INDEX {name} ON "user" ({over})')
    models = project / "app" / "accounts" / "models.py"
    before = models.read_text()
    change_models(project, "\n".join(lines))

    made = migrate(at_head, project, "-m", "Nothing new")

    assert made.returncode == 0, made.stderr
    assert "No changes in schema detected" in made.stderr
    if at_head.dialect != "mariadb":
        models.write_text(before)  # the way back would have to make it again
        made = migrate(at_head, project, "-m", "Dropping")
        assert made.returncode == 1
        assert "on user is more than columns" in made.stderr
    assert new_files(project) == []


def test_no_name_in_a_revision_takes_the_place_of_another(
    sqlite_at_head: Schema, project: Path
) -> None:
    for name in ("a b", "a_b", "tel"):
        sqlite_at_head.execute(f'ALTER TABLE user ADD COLUMN "{name}" VARCHAR(9)')
    table = "(id INTEGER NOT NULL CONSTRAINT pk_nick_twice PRIMARY KEY, nick VARCHAR(9))"
    sqlite_at_head.execute(f"CREATE TABLE nick_twice {table}")
    sqlite_at_head.execute("INSERT INTO user (name, a_b) VALUES ('alice', 'x'), ('bob', 'x')")
    unique = [column(name, "sa.String(9)", unique=True, index=True) for name in ("a b", "a_b")]
    nick = "sa.Column('nick', sa.String(9), unique=True, index=True)"
    identity = "sa.Column('id', sa.Integer, primary_key=True)"
    twice = f"sa.Table('nick_twice', Model.metadata, {identity}, {nick})"
    keyed = column("tel", "sa.String(9)", key="phone", nullable=False)
    change_models(project, "\n".join([*unique, twice, keyed]))

    made = migrate(sqlite_at_head, project, "-m", "Tightening")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    stopped = db(sqlite_at_head, project / "migrations", "upgrade")
    assert "Several rows of user have the same a_b" in stopped.output
    sqlite_at_head.execute("UPDATE user SET a_b = name")
    ran = db(sqlite_at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert sqlite_at_head.version == new_files(project)[-1].name[:4]


def test_long_words_are_laid_out_as_ruff_wants_them(sqlite_at_head: Schema, project: Path) -> None:
    sqlite_at_head.execute("INSERT INTO user (name) VALUES ('alice')")
    names = [f"a_rather_long_name_for_a_column_{number}" for number in range(3)]
    long = "it's  a \\ long\ttime (date) " * 7
    lines = [column(name, nullable=False, unique=True, index=True) for name in names]
    lines += [column("told", "sa.String(200)", nullable=False, default=long)]
    lines += [column("given", "sa.String(200)", nullable=False, server_default=long)]
    change_models(project, "\n".join(lines))
    title = "A message that is quite long,\nbecause its developer has a lot to say and says. " * 2

    made = migrate(sqlite_at_head, project, "-m", title)

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    begin = '"""A message that is quite long, because its developer has a lot to say and says.'
    assert new_files(project)[0].read_text().startswith(f"{begin} A … [expand]\n\n{begin[3:]}")
    ran = db(sqlite_at_head, project / "migrations", "upgrade")
    assert ran.exit_code == 0, ran.output
    assert sqlite_at_head.rows("SELECT told, given FROM user") == [(long, long)]
    change_models(project)
    models = project / "app" / "accounts" / "models.py"
    models.write_text(models.read_text().replace("\n".join(lines), ""))
    made = migrate(sqlite_at_head, project, "-m", "Taking all of it away")
    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
