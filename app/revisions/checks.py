"""CHECK constraints, which no operation of ddl adds to a table that is there."""

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError


def refuse_new(context: MigrationContext) -> None:
    """Raise CommandError for one that a model has and its table has not: autogenerate sees none."""
    assert context.connection is not None
    inspector = sa.inspect(context.connection)
    there = inspector.get_table_names()
    for table in context.opts["target_metadata"].sorted_tables:
        if table.name in there and (name := new_in(table, inspector)):
            raise CommandError(
                f"{table.name} has a CHECK, which nothing here would write ({name}): over rows "
                "MariaDB copies the table for it while writers wait. Let the code check it, or "
                "make it with a new table."
            )


def new_in(table: sa.Table, inspector: sa.Inspector) -> str | None:
    """Return the name of a CHECK that the model alone has, or None."""
    stands = {each["name"] for each in inspector.get_check_constraints(table.name)}
    declared = [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    return next((str(each.name) for each in declared if each.name not in stands), None)
