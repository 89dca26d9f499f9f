"""How `flask db migrate` divides what autogenerate found into expand, backfill and contract.

A new column that may not be empty is added empty, filled, then required; what goes, goes last.
What cannot be done in stages is refused in a sentence.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation
from alembic.util import CommandError

from app.revisions import renames
from app.revisions.beginnings import value_of
from app.revisions.keys import needs_of
from app.revisions.lengths import widening
from app.revisions.names import of_row
from app.revisions.operations import (
    changed_keys,
    columns_of,
    flattened,
    foreign_key,
    generic,
    is_foreign_key,
    not_null,
)
from app.revisions.origins import DropTable, Origins, pointing_first
from app.revisions.refusals import (
    refuse_bare_key,
    refuse_computed,
    refuse_deferrable,
    refuse_in_new_table,
    refuse_json,
    refuse_new_under_an_old_name,
    refuse_pointing,
    refuse_pointing_ahead,
    refuse_shared,
    refuse_type,
    refuse_undivided,
    refuse_unique_no_more,
)


@dataclass(frozen=True)
class Fill:
    """A column that rows of before must get a value for."""

    table: str
    column: sa.Column[Any]
    value: str  # as it is written in Python; of a row of id and `source`
    source: str | None = None


@dataclass
class Chain:
    """What each stage does, in the order in which it does it."""

    renamed: Callable[[str, str, str], bool]  # asks: table, old, new
    allow_drop: bool
    models: sa.MetaData
    impl: DefaultImpl
    made: Origins
    expand: list[MigrateOperation] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    contract: list[Any] = field(default_factory=list)
    unique: list[tuple[str, str]] = field(default_factory=list)  # one column, over rows
    # What the contract of each table does, in words.
    doing: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def divide(self, found: ops.UpgradeOps) -> None:
        """Sort what autogenerate found into the stages, or raise CommandError."""
        flat = list(flattened(found))
        refuse_new_under_an_old_name(flat)
        refuse_pointing_ahead(flat)
        self.new = {op.table_name for op in flat if isinstance(op, ops.CreateTableOp)}
        self.added = {
            (op.table_name, op.column.name): op.column
            for op in flat
            if isinstance(op, ops.AddColumnOp)
        }
        self.filled: set[tuple[str, str]] = set()
        # Which columns become unique: by themselves, or beside others.
        self.unique_new = {
            (op.table_name, column): len(columns_of(op)) == 1
            for op in flat
            if isinstance(op, ops.CreateIndexOp) and op.unique
            for column in columns_of(op)
        }
        self.changed = changed_keys(flat)
        self.gone: dict[str, list[Any]] = {
            op.table_name: [] for op in flat if isinstance(op, ops.DropTableOp)
        }
        self.became = renames.found(flat, self.added, self.renamed, self.models, self.impl)
        self.new_name = {
            (old.table_name, old.column_name): new for (_, new), old in self.became.items()
        }
        for op in flat:
            KINDS.get(type(op), refuse_undivided)(self, op)
        self.contract.sort(key=lambda op: LAST.index(type(op)) if type(op) in LAST else -1)
        self.contract = pointing_first(self.contract)

    def create_table(self, op: Any) -> None:
        refuse_in_new_table(op, self.models.tables[op.table_name])
        self.expand.append(op)

    def add_column(self, op: Any) -> None:
        column, key = op.column, (op.table_name, op.column.name)
        refuse_type(op.table_name, column)
        refuse_computed(op.table_name, column)
        if any(isinstance(each, sa.CheckConstraint) for each in column.constraints):
            raise CommandError(
                f"{op.table_name}.{column.name} has a CHECK, which nothing here would write: let "
                "the code check it, or write the revision by hand, from `flask db revision`."
            )
        if column.nullable or column.server_default is not None:
            self.expand.append(op)
        else:
            empty = sa.Column(column.name, column.type, nullable=True)
            self.expand.append(ops.AddColumnOp(op.table_name, empty))
        if old := self.became.get(key):
            source = old.column_name
            self.expand += renames.begin(op.table_name, old.to_column(), column.name)
            self.fills.append(Fill(op.table_name, column, of_row(source), source))
        elif not column.nullable and column.server_default is None:
            refuse_json(op.table_name, column)
            value = value_of(op.table_name, column, differs=self.differs(op.table_name, column))
            self.fills.append(Fill(op.table_name, column, value))
        else:
            return
        self.filled.add(key)
        # Of a column whose old name could be empty, some rows stay so.
        if not column.nullable:
            self.require(op.table_name, column.name)

    def differs(self, table: str, column: sa.Column[Any]) -> bool:
        """Whether each row needs a value of its own; beside other columns a default may do."""
        alone = self.unique_new.get((table, column.name))
        return alone is True or (alone is not None and column.default is None)

    def require(self, table: str, column: str) -> None:
        self.contract.append(not_null(table, column))
        self.doing[table].append(f"requiring {table}.{column}")

    def drop_column(self, op: Any) -> None:
        old = op.to_column()
        is_renamed = (op.table_name, op.column_name) in self.new_name
        if not (old.nullable or old.server_default is not None or is_renamed):
            # The release that no longer knows it inserts rows without it, before the contract.
            self.expand.append(not_null(op.table_name, op.column_name).reverse())
        old = self.made.column(op.table_name, old)
        if new := self.new_name.get((op.table_name, op.column_name)):
            old.type = self.added[op.table_name, new].type  # the same, in words for each engine
            self.contract.append(renames.end(op.table_name, op.column_name, new))
        self.contract.append(ops.DropColumnOp.from_column_and_tablename(None, op.table_name, old))
        self.doing[op.table_name].append(f"dropping {op.table_name}.{op.column_name}")

    def alter_column(self, op: Any) -> None:
        if op.modify_type is not None or op.modify_nullable is None:
            self.expand.append(widening(op, self.models))
        if op.modify_nullable is None:
            return
        # The model reads it, and may know of fewer values than the engine does.
        columns = self.models.tables[op.table_name].c
        modelled = next(each for each in columns if each.name == op.column_name)
        refuse_json(op.table_name, modelled)
        if op.modify_nullable:
            self.expand.append(not_null(op.table_name, op.column_name).reverse())
            return
        column: sa.Column[Any] = sa.Column(op.column_name, generic(op.existing_type))
        refuse_pointing(modelled)
        differs = self.differs(op.table_name, modelled)
        self.fills.append(Fill(op.table_name, column, value_of(op.table_name, modelled, differs)))
        self.require(op.table_name, op.column_name)

    def create_index(self, op: Any) -> None:
        keys = [(op.table_name, column) for column in columns_of(op)]
        is_empty = all(key in self.added and key not in self.filled for key in keys)
        if op.unique and is_empty:
            refuse_shared(op.table_name, [self.added[key] for key in keys])
        if not op.unique or op.table_name in self.new or is_empty:
            self.expand.append(op)
            return
        self.contract.append(op)
        self.unique += keys if len(keys) == 1 else []
        columns = " and ".join(f"{table}.{column}" for table, column in keys)
        self.doing[op.table_name].append(f"making {columns} unique")

    def create_foreign_key(self, op: Any) -> None:
        if (key := (op.source_table, op.local_cols[0])) in self.filled - self.became.keys():
            raise CommandError(
                f"{'.'.join(key)} may not be empty and points at rows of "
                f"{op.referent_table}: only you know at which, so let it be empty first."
            )
        refuse_deferrable(op.constraint_name, op.source_table, op.kw)
        refuse_bare_key(self.models.tables[op.source_table], op.local_cols, op.referent_table)
        keys = {(op.source_table, name) for name in op.local_cols}
        changes = (op.source_table, *op.local_cols) in self.changed
        if not changes and (op.source_table in self.new or keys <= self.added.keys()):
            self.expand.append(foreign_key(op))
            return
        # What the release of before writes into a column that it knows may point at nothing.
        self.contract.append(foreign_key(op))
        doing = f"{'changing' if changes else 'adding'} {op.constraint_name}"
        self.doing[op.source_table].append(doing)

    def drop_index(self, op: Any) -> None:
        if op.table_name in self.gone:
            self.gone[op.table_name].append(op.reverse())
            return
        if self.made.is_constraint(op.table_name, str(op.index_name)):
            refuse_unique_no_more(op.table_name, op.index_name)
        table = self.models.tables.get(op.table_name)
        if table is not None and needs_of(table, op.index_name, columns_of(op.reverse())):
            raise CommandError(
                f"{op.index_name} serves a foreign key of {op.table_name}, and MariaDB lets no "
                "such index go: leave index=True, or let the key go as well."
            )
        self.contract.append(op)
        self.doing[op.table_name].append(f"dropping {op.index_name}")

    def drop_constraint(self, op: Any) -> None:
        if not is_foreign_key(op):
            refuse_undivided(self, op)
        old = op.reverse()
        self.contract.append(foreign_key(old).reverse())
        if (op.table_name, *old.local_cols) not in self.changed:
            self.doing[op.table_name].append(f"dropping {op.constraint_name}")

    def drop_table(self, op: Any) -> None:
        if not self.allow_drop:
            raise CommandError(
                f"No model describes the table {op.table_name} any more. If its rows are to go "
                "for ever, say --allow-drop; if not, see that its model is imported."
            )
        self.contract.append(DropTable(op, self.made, self.gone[op.table_name]))
        self.doing[op.table_name].append(f"dropping {op.table_name}")


KINDS: dict[type, Callable[[Chain, Any], None]] = {
    ops.CreateTableOp: Chain.create_table,
    ops.AddColumnOp: Chain.add_column,
    ops.DropColumnOp: Chain.drop_column,
    ops.AlterColumnOp: Chain.alter_column,
    ops.CreateIndexOp: Chain.create_index,
    ops.CreateForeignKeyOp: Chain.create_foreign_key,
    ops.DropConstraintOp: Chain.drop_constraint,
    ops.DropIndexOp: Chain.drop_index,
    ops.DropTableOp: Chain.drop_table,
}


# Undone in the opposite order: a column is back before its index.
LAST = [ops.DropIndexOp, ops.DropColumnOp, DropTable]
