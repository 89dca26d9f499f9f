"""Which indexes and foreign keys there are at each step, as the revision files say it.

MariaDB lets no index go that a foreign key needs, and a key whose column has none makes each
DELETE of a parent read the whole table.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.script import Script

from app.revisions import reading

Found = tuple[Script, int, str, str, str]  # line, level, rule, the safe rewrite
Named = dict[str, tuple[str, ...]]  # columns, by the name of what they are in
Came = tuple[Script, int, str, str, str]  # line, table, the key's name and its parent

NEEDED = (
    "MariaDB keeps an index that a foreign key needs: drop the key first, or make another index "
    "that begins with {}"
)
BARE = "each DELETE in {} reads all of {}: ddl.create_index over {} {}"
WITHOUT = "foreign key without an index"
INDEXED = {"index", "unique", "primary_key"}


def needs(indexes: Named, foreign: Named, dropped: str) -> tuple[str, ...] | None:
    """Return the columns of a foreign key that no other index serves once this one is gone."""
    rest = [columns for name, columns in indexes.items() if name != dropped]
    for columns in foreign.values():
        if serves(indexes.get(dropped, ()), columns) and not any(serves(i, columns) for i in rest):
            return columns
    return None


def serves(index: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    return index[: len(columns)] == columns


def needs_of(table: sa.Table, dropped: str, columns: list[str]) -> tuple[str, ...] | None:
    """Return the same of a table that a model describes and an index that it does not."""
    indexes = {str(each.name): tuple(each.columns.keys()) for each in table.indexes}
    indexes[" primary"] = tuple(table.primary_key.columns.keys())
    indexes[dropped] = tuple(columns)
    foreign = {str(key.name): tuple(key.column_keys) for key in table.foreign_key_constraints}
    return needs(indexes, foreign, dropped)


@dataclass
class Keys:
    """The indexes and foreign keys of each table, up to a step."""

    indexes: dict[str, Named] = field(default_factory=dict)
    foreign: dict[str, Named] = field(default_factory=dict)
    # Those that came with their table or column, and have no index yet.
    came: list[Came] = field(default_factory=list)

    def take(self, revision: Script, call: reading.Call) -> Iterator[tuple[str, str]]:
        """Do what this call does; yield what is wrong with it, as rule and rewrite."""
        arguments = call.arguments
        if call.name in {"create_table", "drop_table"}:
            self.indexes[table := str(arguments[0])] = {}
            self.foreign[table] = {}
        if call.name in {"create_table", "add_column"}:
            table = str(arguments[0])
            for name, parent in self.look_into(table, arguments[1:]):
                self.came.append((revision, call.line, table, name, parent))
        if call.name in {"create_index", "create_unique_index"} and len(arguments) > 2:
            self.indexes.setdefault(str(arguments[1]), {})[str(arguments[0])] = named(arguments[2])
        if call.name == "drop_foreign_key":
            self.foreign.get(str(arguments[1]), {}).pop(arguments[0], None)
        if call.name == "drop_column":
            self.drop_column(*map(str, arguments[:2]))
        if call.name == "drop_index" and len(arguments) > 1:
            yield from self.drop_index(*map(str, arguments[:2]))
        if call.name == "add_foreign_key" and len(arguments) > 3:
            yield from self.add_foreign_key(*arguments[:4])

    def look_into(self, table: str, items: list[Any]) -> Iterator[tuple[str, str]]:
        """Take what stands in the call of a table; yield each key by its name, and its parent."""
        indexes, foreign = self.indexes.setdefault(table, {}), self.foreign.setdefault(table, {})
        for item in [each for each in items if isinstance(each, ast.Call)]:
            kind = getattr(item.func, "attr", "")
            columns = tuple(str(a.value) for a in item.args if isinstance(a, ast.Constant))
            if kind == "PrimaryKeyConstraint":
                indexes[" primary"] = columns
            if kind == "UniqueConstraint":
                indexes[named_as(item) or str(columns)] = columns
            if kind == "ForeignKeyConstraint":
                over = named(reading.constant(item.args[0], {}))
                foreign[name := named_as(item) or str(over)] = over
                yield name, parent_of(item.args[1:])
            if kind == "Column" and columns:
                words = {word.arg: reading.constant(word.value, {}) for word in item.keywords}
                if any(words.get(each) is True for each in INDEXED):
                    indexes[f" {columns[0]}"] = columns[:1]
                for part in [each for each in item.args if isinstance(each, ast.Call)]:
                    if getattr(part.func, "attr", "") == "ForeignKey":
                        foreign[name := named_as(part) or columns[0]] = columns[:1]
                        yield name, parent_of(part.args)

    def drop_column(self, table: str, column: str) -> None:
        for named_ones in (self.indexes, self.foreign):
            there = named_ones.get(table, {})
            named_ones[table] = {name: over for name, over in there.items() if column not in over}

    def drop_index(self, name: str, table: str) -> Iterator[tuple[str, str]]:
        indexes = self.indexes.get(table, {})
        if columns := needs(indexes, self.foreign.get(table, {}), name):
            yield "index of a foreign key", NEEDED.format(", ".join(columns))
        indexes.pop(name, None)

    def add_foreign_key(
        self, name: str, table: str, over: Any, parent: str
    ) -> Iterator[tuple[str, str]]:
        columns = named(over)
        if not self.is_served(table, columns):
            yield WITHOUT, BARE.format(parent, table, ", ".join(columns), "first")
        self.foreign.setdefault(table, {})[name] = columns

    def is_served(self, table: str, columns: tuple[str, ...]) -> bool:
        indexes = self.indexes.get(table, {}).values()
        return not columns or any(serves(each, columns) for each in indexes)

    def bare(self) -> list[Came]:
        """Return which of those that came have no index still, and have not gone."""
        return [
            came
            for came in self.came
            if not self.is_served(came[2], self.foreign[came[2]].get(came[3], ()))
        ]


def named(over: Any) -> tuple[str, ...]:
    return tuple(map(str, over)) if isinstance(over, list) else ()


def parent_of(targets: list[ast.expr]) -> str:
    """Return the table of the first column that these name."""
    found = reading.constant(targets[0], {}) if targets else None
    first = found[0] if isinstance(found, list) and found else found
    return first.rpartition(".")[0] if isinstance(first, str) else "a table"


def named_as(item: ast.Call) -> str:
    return next((str(reading.constant(w.value, {})) for w in item.keywords if w.arg == "name"), "")


def findings(revisions: list[Script]) -> Iterator[Found]:
    """Yield what is wrong with the indexes of foreign keys in these, oldest first."""
    keys = Keys()
    for revision in revisions:
        for call in reading.calls(revision):
            if call.owner in {"ddl", "op"}:
                for rule, instead in keys.take(revision, call):
                    yield revision, call.line, "error", rule, instead
        keys.came = keys.bare()
    # What came with them is empty, so an index may follow it.
    for revision, line, table, name, parent in keys.came:
        columns = ", ".join(keys.foreign[table][name])
        yield revision, line, "error", WITHOUT, BARE.format(parent, table, columns, "after it")
