"""Whether this release can serve on the database as it is: what `/up/ready` answers."""

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.db import db
from app.schema import stages


def not_ready() -> str | None:
    """Return why this release cannot serve yet, or None when it can.

    Pending backfills and contracts, and revisions newer than the code, are fine.
    """
    try:
        with db.engine.connect() as connection:
            connection.execute(sa.select(1))
            missing = stages.missing_expands(connection)
    except SQLAlchemyError as error:
        return f"the database does not answer ({type(error).__name__})"
    if missing:
        return f"the database lacks {', '.join(missing)}: run flask db upgrade"
    return None
