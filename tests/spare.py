"""A site that one test after another may have: making one anew takes ten times what it uses."""

import sqlalchemy as sa
from flask import Flask

from app.db import db

SEQUENCES = """SELECT 'SELECT ' || string_agg(format('setval(%%L, %%s, %%L)', sequencename,
  COALESCE(last_value, 1), last_value IS NOT NULL), ', ') FROM pg_sequences"""

ON_SQLITE = "UPDATE sqlite_sequence SET seq = 0"  # it looks for the highest id as well


class Spare:
    """A site at head, what its database held when it was new, and how it was configured."""

    def __init__(self, app: Flask) -> None:
        self.app, self.config = app, dict(app.config)
        metadata = sa.MetaData()
        with app.app_context(), db.engine.connect() as connection:
            metadata.reflect(connection)
            self.tables = metadata.sorted_tables
            held = {table: connection.execute(sa.select(table)) for table in self.tables}
            self.held = {table: [*map(dict, rows.mappings())] for table, rows in held.items()}
            self.sequences = ""
            if connection.dialect.name == "postgresql":
                self.sequences = connection.exec_driver_sql(SEQUENCES).scalar_one()

    def as_new(self) -> Flask:
        """Return the site with its rows, its next ids and its configuration as they were."""
        self.app.config.clear()
        self.app.config.update(self.config)
        with self.app.app_context(), db.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            used = [t for t in self.tables[::-1] if connection.execute(sa.delete(t)).rowcount]
            for table, rows in self.held.items():
                if rows:
                    connection.execute(sa.insert(table), rows)
            connection.exec_driver_sql("COMMIT")
            for statement in self.count_anew(connection.dialect.name, used):
                connection.exec_driver_sql(statement)
        return self.app

    def count_anew(self, dialect: str, used: list[sa.Table]) -> list[str]:
        if dialect == "mariadb":
            counting = [table.name for table in used if table.autoincrement_column is not None]
            return [f"ALTER TABLE `{name}` AUTO_INCREMENT = 1" for name in counting]
        return [self.sequences or ON_SQLITE]
