"""Where a database differs from the models."""

from app.db import db
from app.revisions import drift
from tests.schema.conftest import Schema


def differences(schema: Schema) -> list[str]:
    """Return what differs, for Alembic and beyond what it sees."""
    with schema.engine.connect() as connection:
        return drift.differences(connection, db.metadata)
