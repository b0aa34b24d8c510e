"""Times as people say them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from data.errors import MomentError

_LENGTHS: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_WORDS: Final = {
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "w",
    "weeks": "w",
}
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s+ago)?")
_DAYS: Final = {"today": 0, "yesterday": 1}


def read_moment(text: str, now: datetime) -> datetime:
    """Read a time.

    Args:
        text: a date or time in ISO 8601 (UTC, if it names no time zone; a date is its midnight), ``"now"``,
            ``"today"``, ``"yesterday"``, or how long ago it was: ``"2 days"``, ``"90 min"``, ``"1.5 h ago"``.
        now: the present, with a time zone.

    Returns:
        The moment, in UTC.

    Raises:
        MomentError: if it is none of these.

    Example:
        >>> now = datetime(2025, 3, 14, 9, 30, tzinfo=UTC)
        >>> read_moment("2 days", now).isoformat(), read_moment("yesterday", now).isoformat()
        ('2025-03-12T09:30:00+00:00', '2025-03-13T00:00:00+00:00')
    """
    said = text.strip().lower()
    present = now.astimezone(UTC)
    if said == "now":
        return present
    if said in _DAYS:
        midnight = present.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=_DAYS[said])
    ago = _AGO.fullmatch(said)
    try:
        if ago is not None:
            return present - float(ago[1]) * _LENGTHS[_WORDS.get(ago[2], ago[2])]
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        raise MomentError(text) from None
