"""A backfill that waits for --resume is told from one that was killed while it waited."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
import time_machine

from app import clock
from app.revisions import status
from app.schema import progress, state
from tests.schema.conftest import Schema


@contextmanager
def under_way(schema: Schema) -> Iterator[progress.Progress]:
    """Begin a backfill that moves nothing, and does what it is told."""
    autocommits = schema.engine.execution_options(isolation_level="AUTOCOMMIT")
    with (
        autocommits.connect() as connection,
        progress.Progress(connection, "0002", "thing", 400) as backfill,
    ):
        yield backfill


def tell(schema: Schema, told: state.Control) -> None:
    with schema.engine.begin() as connection:
        assert state.set_control(connection, "0002", told)


def fares(schema: Schema) -> str:
    with schema.engine.connect() as connection:
        [row] = state.progress(connection)
    return status.backfill(row)["fares"]


def test_one_that_is_paused_for_long_is_heard_of(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    fared: list[str] = []

    def sleep(seconds: float) -> None:
        traveller.shift(seconds)
        fared.append(fares(schema))
        if len(fared) * seconds > 2 * status.SILENT.total_seconds():
            tell(schema, "run")

    monkeypatch.setattr(progress.time, "sleep", sleep)
    with time_machine.travel(clock.now()) as traveller, under_way(schema) as backfill:
        tell(schema, "pause")
        backfill.obey()

    assert set(fared) == {"paused"}


def test_a_lock_that_others_hold_does_not_end_a_pause(
    sqlite: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[sa.engine.ExceptionContext] = []
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            holder.exec_driver_sql("BEGIN IMMEDIATE")
        if refused:
            holder.rollback()
            tell(sqlite, "run")

    monkeypatch.setattr(progress.time, "sleep", sleep)
    sa.event.listen(sqlite.engine, "handle_error", refused.append)
    with sqlite.engine.connect() as holder, under_way(sqlite) as backfill:
        backfill.connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        tell(sqlite, "pause")
        backfill.obey()

    assert len(refused) == 1 and "locked" in str(refused[0].original_exception)
