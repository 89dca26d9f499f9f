"""What is wrong with the files of a history is said in one sentence; none is written wrong."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.histories import FILL, KEY, PERSON, command, db, one_sentence, written


def test_two_heads(sqlite: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    text = (folder / "versions" / "0002_step.py").read_text()
    other = text.replace('revision = "0002"', 'revision = "0003"')
    (folder / "versions" / "0003_other.py").write_text(other)

    for name in ("upgrade", "migrate", "expand"):
        said = one_sentence(db(sqlite, folder, name), caplog)
        assert "The history has two ends (0002, 0003)" in said, name


def test_the_same_number_twice(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    sqlite.upgrade("0001", directory=str(folder))
    text = (folder / "versions" / "0002_step.py").read_text()
    (folder / "versions" / "0002_other.py").write_text(text)

    with pytest.warns(UserWarning, match="present more than once"):
        assert "two ends (0002)" in one_sentence(db(sqlite, folder, "plan"))


def test_an_edited_revision(
    sqlite: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(sqlite, folder, "upgrade")
    assert "Trouble" not in db(sqlite, folder, "status").output
    file = folder / "versions" / "0002_step.py"
    file.write_text(file.read_text().replace("sa.String(32), nullable", "sa.String(64), nullable"))

    said = db(sqlite, folder, "status").output
    ran = db(sqlite, folder, "upgrade")

    edited = "0002 was edited after it ran here: put it back as it was"
    assert edited in said
    assert ran.exit_code == 0
    assert [edited in message for message in caplog.messages].count(True) == 1


FIRST = "0001_step.py"
MISTAKES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "0001_step.py, line": (FIRST, lambda file: file.write_text("def upgrade(:")),
    "No module named 'nowhere'. Mend it": (FIRST, lambda file: file.write_text("import nowhere")),
    "codec can't decode byte": (FIRST, lambda file: file.write_bytes(b'"""\xff\xfe"""')),
    "0001_step.py does not say its `stage`": (
        FIRST,
        lambda file: file.write_text(file.read_text().replace('stage = "expand"', "")),
    ),
    "first to last ('0001' is missing)": (FIRST, Path.unlink),
    "first to last (Cycle is detected": (
        FIRST,
        lambda file: file.write_text(file.read_text().replace("None", '"0002"', 1)),
    ),
}


@pytest.mark.parametrize("said", MISTAKES)
def test_a_revision_file_that_cannot_be_read(sqlite: Schema, tmp_path: Path, said: str) -> None:
    folder, (name, spoil) = written(tmp_path / "migrations", PERSON, KEY), MISTAKES[said]
    db(sqlite, folder, "upgrade", "0001")
    spoil(folder / "versions" / name)

    assert said in one_sentence(db(sqlite, folder, "status"))
    if "stage" not in said:
        assert said in one_sentence(db(sqlite, folder, "upgrade"))


@pytest.mark.parametrize("name", ["plan", "status", "lint", "verify", "upgrade", "history"])
def test_one_that_is_missing_is_named_and_nothing_of_python_is_shown(
    sqlite: Schema, tmp_path: Path, name: str
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL)
    db(sqlite, folder, "upgrade", "0001")
    (folder / "versions" / "0002_step.py").unlink()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        said = one_sentence(db(sqlite, folder, name))

    assert "first to last ('0002' is missing): check out" in said
    assert [str(each.message) for each in warned if each.category is UserWarning] == []


def test_a_revision_that_breaks(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", ("expand", "1 / 0"))

    said = one_sentence(db(sqlite, folder, "upgrade"))

    assert "The revision 0001_step.py, line " in said
    assert "cannot be run: ZeroDivisionError: division by zero. Mend it" in said


@pytest.mark.parametrize("verb", ["set_not_null", "drop_not_null"])
def test_a_column_that_is_not_there(sqlite: Schema, tmp_path: Path, verb: str) -> None:
    misspelt = ("expand", f'ddl.{verb}("person", "nmae")')
    folder = written(tmp_path / "migrations", PERSON, misspelt)

    assert "cannot be run: KeyError: 'nmae'" in one_sentence(db(sqlite, folder, "upgrade"))


def test_a_folder_that_lacks_what_runs_it(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON)
    (folder / "env.py").unlink()

    said = one_sentence(db(sqlite, folder, "upgrade"))

    assert "The folder of the revisions cannot be used: " in said and "env.py" in said


@pytest.mark.parametrize("name", ["upgrade", "downgrade", "stamp", "show"])
def test_a_destination_that_was_left_empty(sqlite: Schema, name: str) -> None:
    assert "The revision that was asked for is empty" in one_sentence(command(sqlite.url, name, ""))


def test_a_merge_of_nothing_writes_no_second_beginning(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)

    merged = db(sqlite, folder, "merge")

    assert merged.exit_code == 2
    assert "Say what to merge: `flask db merge heads`, or two revisions." in merged.output
    assert len(list((folder / "versions").glob("*.py"))) == 2


def test_one_end_is_not_merged(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)

    merged = db(sqlite, folder, "merge", "heads")

    assert merged.exit_code == 0
    assert merged.output == "Nothing to merge: 0002 is one end, and it takes two.\n"


def test_a_merge_gets_the_next_number(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(sqlite, folder, "revision", "--head", "0001", "--splice")

    merged = db(sqlite, folder, "merge", "heads", "-m", "Both")

    assert merged.exit_code == 0, merged.output
    assert 'revision = "0004"' in (folder / "versions" / "0004_both.py").read_text()
    assert (folder / "HEAD").read_text() == "0004\n"


@pytest.mark.parametrize("arguments", [("revision",), ("merge", "heads"), ("migrate",)])
def test_a_number_that_is_taken_is_not_given_twice(
    sqlite: Schema, tmp_path: Path, arguments: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    sqlite.upgrade(directory=str(folder))

    said = one_sentence(db(sqlite, folder, *arguments, "--rev-id", "0001"), caplog)

    assert "There is a revision 0001 already: leave --rev-id out, or name another." in said
    assert len(list((folder / "versions").glob("*.py"))) == 2


def test_after_a_revision_without_a_number_the_numbers_go_on(
    sqlite: Schema, tmp_path: Path
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(sqlite, folder, "revision", "--rev-id", "mine")

    assert db(sqlite, folder, "revision", "-m", "Next").exit_code == 0

    text = (folder / "versions" / "0003_next.py").read_text()
    assert 'down_revision = "mine"' in text


NOWHERE = {
    (
        "upgrade",
        "0009",
    ): "There is no revision 0009: `flask db history` lists those that there are.",
    ("stamp", "0009"): "There is no revision 0009: ",
    ("upgrade", "+3"): "stands at 0001, and there are not so many revisions as +3 from there",
    ("downgrade", "-2"): "stands at 0001, and there are not so many revisions as -2 from there",
    ("downgrade", "0002"): "stands at 0001, which is not after 0002: `flask db upgrade` is the way",
}


@pytest.mark.parametrize("arguments", NOWHERE)
def test_a_destination_that_is_none(
    sqlite: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture, arguments: tuple[str, str]
) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY)
    db(sqlite, folder, "upgrade", "0001")

    assert NOWHERE[arguments] in one_sentence(db(sqlite, folder, *arguments), caplog)


def test_two_steps_down(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL)
    db(sqlite, folder, "upgrade")

    assert db(sqlite, folder, "downgrade", "-2").exit_code == 0
    assert sqlite.version == "0001"


def test_a_dry_run_before_what_it_fills_is_there(sqlite: Schema, tmp_path: Path) -> None:
    folder = written(tmp_path / "migrations", PERSON, KEY, FILL)
    db(sqlite, folder, "upgrade", "0001")

    said = one_sentence(db(sqlite, folder, "backfill", "--dry-run", "1"))

    assert said == "Error: 0002: Step 0002. [expand] comes first: run `flask db expand`."
