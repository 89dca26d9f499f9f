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

NEEDED = (
    "MariaDB keeps an index that a foreign key needs: drop the key first, or make another index "
    "that begins with {}"
)
BARE = "each DELETE in {} reads all of {}: ddl.create_index over {} first"
WITHOUT = "foreign key without an index"


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
    # Columns that came with a key of their own: table, column, parent and line.
    came: list[tuple[str, str, str, int]] = field(default_factory=list)

    def take(self, call: reading.Call) -> Iterator[tuple[str, str]]:
        """Do what this call does; yield what is wrong with it, as rule and rewrite."""
        arguments = call.arguments
        if call.name in {"create_table", "drop_table"}:
            self.indexes[table := str(arguments[0])] = {}
            self.foreign[table] = {}
        if call.name in {"create_table", "add_column"}:
            pointing = list(self.look_into(str(arguments[0]), arguments[1:]))
            if call.name == "add_column":
                self.came += [(*each, call.line) for each in pointing]
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

    def look_into(self, table: str, items: list[Any]) -> Iterator[tuple[str, str, str]]:
        """Take what stands in the call of a table; yield each column that points at another."""
        for item in [each for each in items if isinstance(each, ast.Call)]:
            kind = getattr(item.func, "attr", "")
            columns = tuple(str(a.value) for a in item.args if isinstance(a, ast.Constant))
            if kind == "PrimaryKeyConstraint":
                self.indexes.setdefault(table, {})[" primary"] = columns
            if kind == "ForeignKeyConstraint":
                over = named(reading.constant(item.args[0], {}))
                self.foreign.setdefault(table, {})[named_as(item) or str(over)] = over
            if kind == "Column" and columns:
                for part in [each for each in item.args if isinstance(each, ast.Call)]:
                    if getattr(part.func, "attr", "") == "ForeignKey":
                        self.foreign.setdefault(table, {})[named_as(part)] = columns[:1]
                        yield table, columns[0], parent_of(part)

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
            yield WITHOUT, BARE.format(parent, table, ", ".join(columns))
        self.foreign.setdefault(table, {})[name] = columns

    def is_served(self, table: str, columns: tuple[str, ...]) -> bool:
        return any(serves(each, columns) for each in self.indexes.get(table, {}).values())

    def bare(self) -> Iterator[tuple[int, str]]:
        """Yield line and rewrite of each column that has a key of its own and no index yet."""
        for table, column, parent, line in self.came:
            if not self.is_served(table, (column,)):
                yield line, BARE.format(parent, table, column).replace(" first", " after it")
        self.came = []


def named(over: Any) -> tuple[str, ...]:
    return tuple(map(str, over)) if isinstance(over, list) else ()


def parent_of(key: ast.Call) -> str:
    target = reading.constant(key.args[0], {}) if key.args else None
    return target.rpartition(".")[0] if isinstance(target, str) else "a table"


def named_as(item: ast.Call) -> str:
    return next((str(reading.constant(w.value, {})) for w in item.keywords if w.arg == "name"), "")


def findings(revisions: list[Script]) -> Iterator[Found]:
    """Yield what is wrong with the indexes of foreign keys in these, oldest first."""
    keys = Keys()
    for revision in revisions:
        for call in reading.calls(revision):
            if call.owner in {"ddl", "op"}:
                for rule, instead in keys.take(call):
                    yield revision, call.line, "error", rule, instead
        # Such a column is empty, so its index may follow it.
        for line, instead in keys.bare():
            yield revision, line, "error", WITHOUT, instead
