"""What goes from the models: the next release can write, and the way back runs everywhere."""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import mysql

from app.revisions import origins
from tests.schema.comparison import shape
from tests.schema.conftest import HEAD, NEXT, Schema
from tests.schema.histories import change_models, db, ruff
from tests.schema.test_authoring import migrate, new_files

SESSION = (
    "INSERT INTO user_session (user_id, digest, remembered, ip, created_at, last_seen_at) "
    "SELECT id, 'd', :no, '::1', '2026-11-01', '2026-11-01' FROM \"user\""
)
GOING = """

class Author(Model):
    __tablename__ = "author"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    born: Mapped[datetime]
    slug: Mapped[str] = mapped_column(key(20), unique=True, index=True)


class Book(Model):
    __tablename__ = "book"
    __table_args__ = (sa.CheckConstraint("pages > 0", name="pages"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(
        big_id(), sa.ForeignKey("author.id", ondelete="CASCADE"), index=True
    )
    pages: Mapped[int]
    lent: Mapped[bool] = mapped_column(server_default=sa.false())
    about: Mapped[dict] = mapped_column(sa.JSON)


User.bio = mapped_column(sa.Text)
User.slug = mapped_column(key(20))
User.born = mapped_column(UTCDateTime)
User.pace = mapped_column(sa.Double, server_default="1.5", nullable=False)
"""
DYING = ("author", "book", "user.bio", "user.slug", "user.born", "user.pace")


def run(schema: Schema, project: Path, *command: str) -> str:
    ran = db(schema, project / "migrations", *command)
    assert ran.exit_code == 0, ran.output
    return ran.output


def unordered(schema: Schema) -> list[list[str]]:
    """Return the shape whatever the order of the columns: one that comes back comes last."""
    lines = [re.sub(r"^(\w+) \d+ ", r"\1 ", line) for line in shape(schema)]
    return sorted(sorted(re.split(r" ?[,()] ?", line)) for line in lines)


def test_a_release_that_no_longer_knows_a_required_column_can_write(
    sqlite_at_head: Schema, project: Path
) -> None:
    sqlite_at_head.execute("INSERT INTO \"user\" (name) VALUES ('alice')")
    change_models(project, without="user_agent: Mapped")

    assert migrate(sqlite_at_head, project, "-m", "Dropping agents").returncode == 0

    assert ruff(*new_files(project)) == ""
    run(sqlite_at_head, project, "expand")
    sqlite_at_head.execute(SESSION, no=False)
    run(sqlite_at_head, project, "upgrade")
    run(sqlite_at_head, project, "downgrade")
    sqlite_at_head.execute("UPDATE user_session SET user_agent = 'UA'")
    run(sqlite_at_head, project, "downgrade", HEAD)
    assert sqlite_at_head.rows("SELECT user_agent FROM user_session") == [("UA",)]


def test_what_went_on_sqlite_comes_back_on_each_engine_as_it_was_made(
    sqlite_at_head: Schema, at_head: Schema, project: Path
) -> None:
    models = project / "app" / "accounts" / "models.py"
    before = models.read_text()
    models.write_text(before + GOING)
    assert migrate(sqlite_at_head, project, "-m", "Adding").returncode == 0
    run(sqlite_at_head, project, "upgrade")
    models.write_text(before)

    made = migrate(sqlite_at_head, project, "-m", "Dropping", "--allow-drop")

    assert made.returncode == 0, made.stderr
    assert ruff(*new_files(project)) == ""
    assert run(at_head, project, "lint") == "Nothing dangerous was found.\n"
    run(at_head, project, "upgrade", NEXT)
    there = unordered(at_head)
    at_head.execute("INSERT INTO author (born, slug) VALUES ('2026-11-01', 's')")
    at_head.execute("INSERT INTO book (author_id, pages, about) SELECT id, 1, '{}' FROM author")
    run(at_head, project, "contract", *[w for d in DYING for w in ("--yes-destroy", d)])
    assert not {"author", "book"} & at_head.tables
    run(at_head, project, "downgrade", NEXT)
    assert unordered(at_head) == there
    run(at_head, project, "upgrade")


def test_what_no_revision_says_is_guessed_from_what_the_engine_has() -> None:
    columns = (
        sa.Column("id", mysql.INTEGER(11), primary_key=True),
        sa.Column("note", mysql.VARCHAR(20, collation="utf8mb4_nopad_bin")),
    )
    old = ops.DropTableOp.from_table(sa.Table("odd", sa.MetaData(), *columns))

    [again] = origins.DropTable(old, origins.Origins(), []).reverse().ops

    table = again.to_table()
    assert [repr(column.type) for column in table.c] == ["Integer()", "String(length=20)"]
    assert table.primary_key.name == "pk_odd"
