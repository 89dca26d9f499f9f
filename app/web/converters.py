"""What an address may hold in place of a value."""

from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1  # the widest column; a narrower one compares with it and finds nothing


class RowId(IntegerConverter):
    """The id of a row in an address: beyond what the column can hold there is nothing, so 404."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=1, max=LARGEST_ID)
