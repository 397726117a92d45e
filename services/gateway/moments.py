"""As of when, and whether with what came late: how contents are asked for besides their window."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from dqmstream.store.answers import AsOf

__all__ = ["NOW", "Moment"]

_OFFSET: Final = re.compile(r"offset:([0-9]{1,18})")
_NANOSECONDS: Final = re.compile(r"[0-9]{1,19}")
_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """Which knowledge an answer is made from.

    `as_of` is the moment whose knowledge counts; `late` adds what came after LSs had closed.
    """

    as_of: AsOf = field(default_factory=AsOf)
    late: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is what everybody sees: now, and without what came late."""
        return self.as_of.is_now and not self.late

    @property
    def word(self) -> str:
        """The moment as `parse` reads it; empty for now."""
        if self.as_of.offset is not None:
            return f"offset:{self.as_of.offset}"
        return "" if self.as_of.time_ns is None else str(self.as_of.time_ns)

    @classmethod
    def parse(cls, as_of: str | None, *, late: bool) -> Self:
        """The moment of a word: ISO 8601, nanoseconds since 1970, or `offset:N`.

        A time without a zone is UTC.

        Raises
        ------
        ValueError
            If the word is none of them.
        """
        if as_of is None:
            return cls(late=late)
        if found := _OFFSET.fullmatch(as_of):
            return cls(AsOf(offset=int(found[1])), late)
        if _NANOSECONDS.fullmatch(as_of) and int(as_of) <= _MOST:
            return cls(AsOf(time_ns=int(as_of)), late)
        try:
            time = datetime.fromisoformat(as_of)
            seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, OSError):
            seconds = -1.0
        if not 0 <= seconds < _MOST / 1e9:
            msg = (
                f"as_of is {as_of[:60]!r}, expected ISO 8601 (2026-11-22T09:30:00Z), nanoseconds "
                "since 1970, or offset:N of dqm.histograms"
            )
            raise ValueError(msg)
        return cls(AsOf(time_ns=round(seconds * 1e6) * 1000), late)


NOW: Final = Moment()
