"""A server that ends the connection of a run is told of in a sentence."""

from pathlib import Path

import pytest

from tests.schema.conftest import Schema
from tests.schema.histories import db, one_sentence
from tests.schema.revisions import ADD_NOTE, DROP_NOTE, DROP_THING, THING, history

STORY = ("expand", THING, DROP_THING), ("expand", ADD_NOTE, DROP_NOTE)
ENDED = """
CUTS = {
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
    "mariadb": "KILL CONNECTION_ID()",
}


def cut(connection, rows):
    connection.exec_driver_sql(CUTS[connection.dialect.name])
    return {}


thing = sa.table("thing", sa.column("id"), sa.column("name"), sa.column("note"))
work = backfill.Backfill(thing, thing.c.note.is_(None), ["name"], cut)
"""


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_connection_that_breaks_in_a_backfill_is_told_in_a_sentence(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    schema: Schema = request.getfixturevalue(engine)
    cut = ("backfill", "work.run()", "pass", ENDED)
    directory = history(tmp_path, *STORY, cut)
    schema.upgrade("0002", directory=directory)
    schema.execute("INSERT INTO thing (name) VALUES ('a')")

    said = one_sentence(db(schema, Path(directory), "backfill"))

    assert said.startswith("Error: The database refused: ")
    assert "killed" in said or "terminating connection" in said
    assert schema.version == "0002"
