"""Moments in words of the reader's language.

A list shows a hundred of them, and Babel takes longer over each than the row around it: what it
said once is kept, and whoever writes a list looks the language up once.
"""

import functools
from datetime import date, datetime, timedelta

from babel import dates

from app import clock
from app.web import language


def ago(moment: datetime, reader: str | None = None) -> str:
    """Return "3 hours ago"."""
    seconds = (moment - clock.now()).total_seconds()
    # Three digits are more than the words tell, and few enough to be met again.
    return apart(float(f"{seconds:.3g}"), reader or language.code())


def utc(moment: datetime, reader: str | None = None) -> str:
    """Return "22 Nov 2026, 10:00 UTC"."""
    return f"{day(moment, reader)}, {moment.hour:02}:{moment.minute:02} UTC"


def day(value: date, reader: str | None = None) -> str:
    """Return "22 Nov 2026"."""
    return the_day(value.toordinal(), reader or language.code())


@functools.lru_cache(4096)
def apart(seconds: float, reader: str) -> str:
    return dates.format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=reader)


@functools.lru_cache(4096)
def the_day(ordinal: int, reader: str) -> str:
    return dates.format_date(date.fromordinal(ordinal), "d MMM yyyy", reader)
