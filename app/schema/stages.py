"""The words that revisions tell their stages in."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Check:
    """A query on live data that must give `expected` before a contract; else `refusal` is said."""

    query: sa.Select[Any]
    expected: Any
    refusal: str
    examples: sa.Select[Any] | None = None  # of one column: the first ten are named
