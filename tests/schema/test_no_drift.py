"""What an engine makes of a model by its nature is no drift."""

import sqlalchemy as sa

from app.db import TABLE_OPTIONS
from app.revisions import drift
from tests.schema.conftest import Schema


def declared() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "owner",
        metadata,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("prefs", sa.JSON(), nullable=True),
        **TABLE_OPTIONS,
    )
    sa.Table(
        "pet",
        metadata,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("a", sa.Integer(), nullable=False),
        sa.Column("b", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.ForeignKey("owner.id", name="fk_pet_owner"), nullable=False),
        sa.UniqueConstraint("a", "b", name="uq_pet_a_b"),
        **TABLE_OPTIONS,
    )
    return metadata


def test_what_an_engine_makes_of_a_model_is_no_drift(schema: Schema) -> None:
    metadata = declared()
    metadata.create_all(schema.engine)
    schema.execute("CREATE INDEX ix_more ON pet (b)")

    with schema.engine.connect() as connection:
        found = drift.differences(connection, metadata)

    assert [each for each in found if "ix_more" not in each] == []
    assert "pet: index ('ix_more', ('b',), False) is only here" in found
