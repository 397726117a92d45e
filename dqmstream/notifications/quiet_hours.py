"""Hours in which a subscription keeps quiet, by the wall clock of a place."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from dqmstream.messages.struct import Value

__all__ = ["QuietHours"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class QuietHours(Value, frozen=True, kw_only=True):
    """From a time of day until the next `until`, which may be on the day after.

    What comes meanwhile is told afterwards, but alarms of severity `but` and above at once.

    Parameters
    ----------
    start, until
        As `22:00`.
    zone
        As `Europe/Zurich`: the hours follow its summer time. A time that a change of clocks leaves
        out or repeats is taken with the offset from before the change.
    days
        On which it begins.
    but
        `nothing`: severe alarms are kept back as others are.
    """

    start: str
    until: str
    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "UTC"
    days: tuple[Day, ...] = _DAYS
    but: Literal["low", "medium", "high", "nothing"] = "high"

    def __post_init__(self) -> None:
        for given in (self.start, self.until):
            if not _TIME.fullmatch(given):
                msg = f"{given!r:.20} is no time of day, expected one as 22:00"
                raise ValueError(msg)
        if self.start == self.until:
            msg = f"start and until are both {self.start}: quiet never, or always?"
            raise ValueError(msg)
        if not self.days:
            msg = "days is empty: leave the quiet hours out"
            raise ValueError(msg)
        _zone(self.zone)

    def end(self, now: int) -> int | None:
        """When the quiet time ends in which `now` is, None if it is in none; ns since 1970."""
        over = self._over(datetime.fromtimestamp(now // 1_000_000_000, UTC))
        if over is None:
            return None
        # Where clocks skip all that lies between two of them, they are one.
        over = self._over(over) or over
        return round(over.timestamp()) * 1_000_000_000

    def _over(self, moment: datetime) -> datetime | None:
        """When those end, of one day, in which a moment is."""
        zone = _zone(self.zone)
        today = moment.astimezone(zone).date()
        ends = []
        for day in (today - timedelta(days=1), today):
            if _DAYS[day.weekday()] not in self.days:
                continue
            over = day + timedelta(days=1) if self.until < self.start else day
            begin, end = _at(day, self.start, zone), _at(over, self.until, zone)
            if begin <= moment < end:
                ends.append(end)
        return max(ends, default=None)

    def text(self) -> str:
        """In words."""
        days = "" if self.days == _DAYS else f" on {', '.join(self.days)}"
        but = "" if self.but == "nothing" else f", but for severity {self.but}"
        return f"{self.start} to {self.until} {self.zone}{days}{but}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"zone {name!r:.100} is none of the system's time zones"
        raise ValueError(msg) from error


def _at(day: date, text: str, zone: ZoneInfo) -> datetime:
    # In UTC: aware datetimes of one zone compare by the clock on the wall.
    return datetime.combine(day, time.fromisoformat(text), zone).astimezone(UTC)
