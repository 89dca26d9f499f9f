"""What the session sees to by itself: writes happen in a verb, and a read survives a cut."""

from collections.abc import Callable
from typing import Any

from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

STRAY = "a write outside a verb: put it in a function under @atomic"


def in_verb(session: Session) -> bool:
    return "verb" in session.info


class Guarded(FlaskSession):
    """Refuses a write outside a verb; sends a read again, once, if its kept connection had died.

    An event of SQLAlchemy's could do the same, and each statement would be prepared twice for it.
    """

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        return self.guarded(super().execute, statement, *args, **kwargs)

    def scalar(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        return self.guarded(super().scalar, statement, *args, **kwargs)

    def scalars(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        return self.guarded(super().scalars, statement, *args, **kwargs)

    def guarded(self, send: Callable[..., Any], statement: Any, *args: Any, **kwargs: Any) -> Any:
        if in_verb(self):
            return send(statement, *args, **kwargs)
        if statement.is_dml:
            raise RuntimeError(STRAY)
        try:
            return send(statement, *args, **kwargs)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self.rollback()
            return send(statement, *args, **kwargs)
