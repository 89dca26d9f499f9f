"""Whatever another hand wrote in a table of SQLite is changed as meant, or refused: never lost."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from app.schema import rebuild, tighten
from app.schema.engine import Refused
from tests.schema.conftest import Schema

MADE = "SELECT sql FROM sqlite_master WHERE name = 'thing'"


def act(schema: Schema, operation: Callable[..., None], *arguments: object) -> None:
    with schema.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"step": ("0002", True)})
        with Operations.context(context):
            operation("thing", *arguments)


@pytest.fixture(params=["in place", "anew"])
def run(
    sqlite: Schema, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Return what makes the table `thing` of these items and runs an operation on it."""
    if request.param == "anew":
        monkeypatch.setattr(rebuild, "in_place", lambda table, text: False)

    def run(items: str, operation: Callable[..., None], *arguments: object) -> None:
        with sqlite.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE thing (id INTEGER PRIMARY KEY, {items})")
        act(sqlite, operation, *arguments)

    return run


def column(schema: Schema) -> dict[str, object]:
    return dict(sa.inspect(schema.engine).get_columns("thing")[1])


NAMES = {
    '"a""b"': 'a"b',
    "price$": "price$",
    "'a'": "a",
    '"[x]"': "[x]",
    "[it's]": "it's",
    "`a``b`": "a`b",
    "/* why */ c": "c",
    "\N{GRINNING FACE}": "\N{GRINNING FACE}",
}


@pytest.mark.parametrize("words", NAMES)
def test_a_column_may_be_called_anything(
    sqlite: Schema, run: Callable[..., None], words: str
) -> None:
    run(f"{words} VARCHAR(32)", tighten.set_not_null, NAMES[words])
    assert not column(sqlite)["nullable"]

    sqlite.execute("DROP TABLE thing")
    run(f"{words} VARCHAR(32) NOT NULL", tighten.drop_not_null, NAMES[words])
    assert column(sqlite)["nullable"]


@pytest.mark.parametrize("words", ["NOT/**/NULL", "NOT -- so\n NULL", "NOT NULL NOT NULL"])
def test_not_null_goes_however_it_is_written(
    sqlite: Schema, run: Callable[..., None], words: str
) -> None:
    run(f"c TEXT {words} UNIQUE", tighten.drop_not_null, "c")

    assert column(sqlite)["nullable"]


@pytest.mark.parametrize(
    "words", ["c VARCHAR ( 32 )", "c NATIONAL VARCHAR(32)", "/* 7 */ 'c' char (32)"]
)
def test_a_string_grows_however_it_is_written(
    sqlite: Schema, run: Callable[..., None], words: str
) -> None:
    run(f"{words} CHECK (c <> '(32)')", tighten.widen, "c", sa.String(64))

    assert sqlite.scalar(MADE).count("64") == 1


@pytest.mark.parametrize(
    ("items", "left"),
    [
        ("a INT CONSTRAINT fk REFERENCES p CHECK (a > 0)", "a INT CHECK (a > 0)"),
        ("a INT CONSTRAINT fk/**/REFERENCES p(id) UNIQUE", "a INT UNIQUE"),
        ("a INT CONSTRAINT /* ( */ 'FK' -- so\nREFERENCES p", "a INT"),
        ("a INT, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p CHECK (a > 0)", "a INT, CHECK (a > 0)"),
        ("a INT CONSTRAINT fk REFERENCES p /* so */ ON DELETE CASCADE", "a INT"),
        ("a INT CONSTRAINT other REFERENCES p", "a INT CONSTRAINT other REFERENCES p"),
    ],
)
def test_a_key_goes_alone(sqlite: Schema, run: Callable[..., None], items: str, left: str) -> None:
    run(items, lambda table: tighten.drop_foreign_key("fk", table))

    words = sqlite.scalar(MADE).partition("PRIMARY KEY, ")[2]
    assert " ".join(words.replace(" )", ")").split()) == f"{left})"


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ('a INT CONSTRAINT fk REFERENCES p ("x)y")', "would not read the new"),
        ("a TEXT CONSTRAINT fk REFERENCES p DEFAULT 'CONSTRAINT fk REFERENCES p'", "column, key"),
    ],
)
def test_what_is_not_understood_is_refused(
    sqlite: Schema, run: Callable[..., None], items: str, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        run(items, lambda table: tighten.drop_foreign_key("fk", table))

    assert items in sqlite.scalar(MADE)


def test_what_would_take_a_check_along_or_change_nothing_is_refused(
    sqlite: Schema, run: Callable[..., None]
) -> None:
    items = "a INT, CHECK (a > 0), CHECK (a > 1)"

    with pytest.raises(Refused, match="CHECK, NOT NULL a would change instead of NOT NULL a"):
        run(items, rebuild.edit, lambda now: [*now[:1], "a INT NOT NULL", now[2]], "NOT NULL a")

    sqlite.execute("DROP TABLE thing")
    with pytest.raises(Refused, match="nothing would change instead of NOT NULL a"):
        run(items, rebuild.edit, lambda now: now, "NOT NULL a")
    assert items in sqlite.scalar(MADE)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("id INT, PRIMARY KEY (id) CHECK (id > 0)", "CHECK, .* would change instead of counting"),
        ("id INT", "thing needs a key of one column, and has none"),
        (
            "id INT, b INT, PRIMARY KEY (id, b)",
            "thing needs a key of one column, and has id, b",
        ),
    ],
)
def test_a_table_that_cannot_be_taken_over_says_so(sqlite: Schema, items: str, said: str) -> None:
    sqlite.execute(f"CREATE TABLE thing ({items})")

    with pytest.raises(Refused, match=said):
        act(sqlite, rebuild.adopt)

    assert items in sqlite.scalar(MADE)
