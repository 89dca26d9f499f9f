"""Two lists that name a test for each promise: page_rules.toml and threats.toml.

A list is held to this: each entry has its own key, says the promise, and names tests that exist
or says why the promise has nothing to hold yet; both, where a part of it has.
"""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
LISTS = {
    TESTS / "page_rules.toml": "rule",
    TESTS / "threats.toml": "requirement",
}


def faults(text: str, promise: str) -> list[str]:
    """Return what is wrong with a list whose entries say their promise under this word."""
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # a key that stands twice is one
        return [str(error)]
    found = []
    for key, entry in entries.items():
        if not str(entry.get(promise, "")).strip():
            found.append(f"{key}: say what is promised, in `{promise}`")
        if not entry.get("tests") and not str(entry.get("later", "")).strip():
            found.append(f"{key}: name its `tests`, or say in `later` why there is none yet")
        if unknown := entry.keys() - {promise, "tests", "later"}:
            found.append(f"{key}: nobody reads {', '.join(sorted(unknown))}")
        found += [
            f"{key}: there is no {test}" for test in entry.get("tests", []) if not exists(test)
        ]
    return found


def exists(test: str) -> bool:
    """Whether `path::function` is a test of this project."""
    name, _, function = test.partition("::")
    return function.startswith("test_") and function in functions(ROOT / name)


@cache
def functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "promise"), LISTS.items(), ids=lambda value: Path(value).stem)
def test_every_promise_names_its_test(path: Path, promise: str) -> None:
    assert faults(path.read_text(), promise) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[a]\nrule = "x"\nlater = "y"\n[a]\nrule = "z"', "Cannot declare"),
        ('[a]\nlater = "no page yet"', "say what is promised"),
        ('[a]\nrule = "x"', "name its `tests`"),
        ('[a]\nrule = "x"\ntests = ["tests/test_page_rules.py::test_gone"]', "there is no"),
        ('[a]\nrule = "x"\ntests = ["tests/gone.py::test_a"]', "there is no"),
        ('[a]\nrule = "x"\nlater = "y"\nsource = "z"', "nobody reads"),
    ],
)
def test_a_list_that_is_wrong_is_found_out(text: str, fault: str) -> None:
    assert fault in "\n".join(faults(text, "rule"))
