"""What a column holds, alike on three engines; app/schema/ddl.py has frozen copies of it."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

# Ids are never reused, and strings compare byte for byte, on all three engines.
TABLE_OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware going in, aware UTC coming out, to the microsecond, on every engine."""

    impl = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone: use clock.now()")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def key(length: int) -> TypeEngine[str]:
    """A string that is looked up and ranged over byte by byte, whatever the server's locale."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def big_id() -> TypeEngine[int]:
    """A 64-bit id; SQLite counts only in a column declared INTEGER, which holds 64 bits anyway."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
