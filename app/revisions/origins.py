"""What tables and columns were made as: what the revision files say, taken in their order.

A database tells only what its own engine made of that, and a way back has to run on all three.
"""

import ast
import copy
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation
from alembic.script import Script
from alembic.util import CommandError

from app.revisions import reading
from app.revisions.operations import Line, generic

KNOWN = {"sa", "op", "ddl"}  # what a revision imports wherever it is named
UNFOLLOWED = {"rename_table", "alter_column", "drop_constraint", "create_foreign_key"}
UNFOLLOWED |= {
    f"create_{kind}" for kind in ("unique_constraint", "check_constraint", "primary_key")
}
NO_TYPES = {"ForeignKey", "Identity", "Computed", "Sequence", "CheckConstraint"}


class Written(sa.types.UserDefinedType[Any]):
    """A type in the words of a revision file."""

    def __init__(self, text: str) -> None:
        self.text = text


class WrittenDefault(sa.FetchedValue):
    """A server_default in the words of a revision file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Table:
    """A table as the revisions have it so far."""

    def __init__(self, items: list[Any], options: dict[str, Any]) -> None:
        calls: list[Any] = [copy.deepcopy(item) for item in items if isinstance(item, ast.Call)]
        columns = [item for item in calls if called(item) == "Column"]
        self.columns = {name_of(item): item for item in columns}
        self.rest = [item for item in calls if called(item) != "Column"]
        self.options = options

    def text(self, name: str) -> str:
        """Return the call that makes it again, empty if it cannot stand by itself."""
        items = [*self.columns.values(), *self.rest]
        options = [f"{word}={value!r}" for word, value in self.options.items()]
        whole = ", ".join([repr(name), *map(ast.unparse, items), *options])
        return f"ddl.create_table({whole})" if all(map(stands_alone, items)) else ""


class Origins(dict[str, Table]):
    """The tables that the history makes, by their names, and how each comes again."""

    def take(self, call: reading.Call) -> None:
        """Do what this call does."""
        name = str(call.arguments[0]) if call.arguments else ""
        if call.name == "create_table":
            self[name] = Table(call.arguments[1:], call.options)
        elif call.name == "drop_table":
            self.pop(name, None)
        elif call.name in UNFOLLOWED:
            for each in call.arguments[:2]:
                self.pop(each if isinstance(each, str) else "", None)
        elif call.name in IN_A_TABLE and len(call.arguments) > 1:
            at = 1 if call.name.endswith("foreign_key") else 0
            if table := self.get(name := str(call.arguments[at])):
                try:
                    IN_A_TABLE[call.name](table, *call.arguments[:at], *call.arguments[at + 1 :])
                    self.note(table, call)
                except (TypeError, SyntaxError):  # what it was told stands elsewhere
                    del self[name]

    def note(self, table: Table, call: reading.Call) -> None:
        """Let a key have the actions that its call names."""
        if call.name == "add_foreign_key":
            key = table.rest[-1]
            key.keywords += [ast.keyword(w, ast.Constant(v)) for w, v in call.options.items()]

    def is_constraint(self, table: str, name: str) -> bool:
        """Whether it was made as one: MariaDB tells a UNIQUE from no index that is unique."""
        rest = self[table].rest if table in self else []
        unique = [each for each in rest if called(each) == "UniqueConstraint"]
        return any(name in constants_in([w.value for w in each.keywords]) for each in unique)

    def column(self, table: str, old: sa.Column[Any]) -> sa.Column[Any]:
        """Return what gives a column back that goes; its rows of before are still to come."""
        made = self[table].columns.get(old.name) if table in self else None
        kind = type_in(made) if made else None
        usual = default_in(made) if made and old.server_default is not None else None
        return sa.Column(
            old.name,
            Written(ast.unparse(kind)) if kind is not None else generic(old.type),
            server_default=WrittenDefault(ast.unparse(usual)) if usual is not None else None,
            nullable=old.nullable or usual is None,
        )

    def table(self, op: ops.DropTableOp) -> MigrateOperation:
        """Return what gives a table back that goes."""
        name, old = op.table_name, op.to_table()
        made = self.get(name)
        if made and made.columns.keys() == set(old.c.keys()) and (text := made.text(name)):
            return Line(name, text, f"ddl.drop_table({name!r})")
        guess = sa.Table(name, sa.MetaData(), *[self.guessed(column) for column in old.c])
        for constraint in old.constraints:
            if isinstance(constraint, sa.PrimaryKeyConstraint):
                keys = [column.name for column in constraint]
                pk = sa.PrimaryKeyConstraint(*keys, name=str(constraint.name or f"pk_{name}"))
                guess.append_constraint(pk)
            elif not isinstance(constraint, sa.CheckConstraint):
                guess.append_constraint(constraint.copy())
        return ops.CreateTableOp.from_table(guess)

    def guessed(self, old: sa.Column[Any]) -> sa.Column[Any]:
        """Return a column as any engine has it; how it counts, each has its own words for."""
        default = None if old.primary_key else old.server_default
        return sa.Column(old.name, generic(old.type), server_default=default, nullable=old.nullable)


class DropTable(ops.DropTableOp):
    """The end of a table, with its indexes; and how it comes again, before them."""

    def __init__(self, old: ops.DropTableOp, made: Origins, indexes: list[Any]) -> None:
        super().__init__(old.table_name)
        self.points_at = {key.column.table.name for key in old.to_table().foreign_keys}
        self.again, self.indexes = made.table(old), indexes

    def reverse(self) -> Any:
        return ops.ModifyTableOps(self.table_name, [self.again, *self.indexes])


def pointing_first(contract: list[Any]) -> list[Any]:
    """Return the operations with each table that goes before those that it points at."""
    tables = {op.table_name: op for op in contract if isinstance(op, DropTable)}
    order: list[Any] = []
    while tables:
        pointed_at = {each for op in tables.values() for each in op.points_at - {op.table_name}}
        if not (free := tables.keys() - pointed_at):
            raise CommandError(
                f"{' and '.join(sorted(tables))} point at each other, so none can go first: take "
                "a key out of the models first, in a change of its own."
            )
        order += [tables.pop(name) for name in sorted(free)]
    return [op for op in contract if not isinstance(op, DropTable)] + order


def of(history: Iterable[Script]) -> Origins:
    """Return the tables as this history leaves them, oldest first."""
    origins = Origins()
    for revision in history:
        for call in reading.calls(revision):
            if call.owner in {"ddl", "op"}:
                origins.take(call)
    return origins


def called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", ""))


def name_of(node: ast.Call) -> str:
    return str(reading.constant(node.args[0], {})) if node.args else ""


def stands_alone(node: ast.AST) -> bool:
    """Whether it uses names only that every revision may."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} <= KNOWN


def type_in(column: ast.Call) -> ast.expr | None:
    kind = column.args[1] if len(column.args) > 1 else None
    if kind is None or (isinstance(kind, ast.Call) and called(kind) in NO_TYPES):
        return None
    return kind if stands_alone(kind) else None


def default_in(column: ast.Call) -> ast.expr | None:
    found = [word.value for word in column.keywords if word.arg == "server_default"]
    return found[0] if found and stands_alone(found[0]) else None


def add_column(table: Table, column: Any) -> None:
    if isinstance(column, ast.Call):
        table.columns[name_of(column)] = copy.deepcopy(column)


def drop_column(table: Table, column: str) -> None:
    table.columns.pop(column, None)
    table.rest = [each for each in table.rest if column not in constants_in(each.args)]


def constants_in(nodes: list[ast.expr]) -> set[Any]:
    return {n.value for a in nodes for n in ast.walk(a) if isinstance(n, ast.Constant)}


def widen(table: Table, column: str, kind: Any) -> None:
    if (made := table.columns.get(column)) and len(made.args) > 1:
        made.args[1] = kind


def nullable(table: Table, column: str, *, may: bool) -> None:
    if made := table.columns.get(column):
        rest = [word for word in made.keywords if word.arg != "nullable"]
        made.keywords = [*rest, ast.keyword("nullable", ast.Constant(may))]


def add_key(table: Table, name: str, over: list[str], parent: str, theirs: list[str]) -> None:
    targets = [f"{parent}.{column}" for column in theirs]
    [key] = ast.parse(f"sa.ForeignKeyConstraint({over!r}, {targets!r}, name={name!r})").body
    assert isinstance(key, ast.Expr)
    table.rest.append(key.value)


def drop_key(table: Table, name: str) -> None:
    """Forget the key, whether it stands by itself or in its column."""

    def stays(node: ast.expr) -> bool:
        words = node.keywords if isinstance(node, ast.Call) else []
        given = [each for w in words if w.arg == "name" for each in constants_in([w.value])]
        return name not in given  # also in op.f(…)

    table.rest = [each for each in table.rest if stays(each)]
    for column in table.columns.values():
        column.args = [each for each in column.args if stays(each)]


IN_A_TABLE: dict[str, Any] = {
    "add_column": add_column,
    "drop_column": drop_column,
    "widen": widen,
    "set_not_null": lambda table, column: nullable(table, column, may=False),
    "drop_not_null": lambda table, column: nullable(table, column, may=True),
    "add_foreign_key": add_key,
    "drop_foreign_key": drop_key,
}
