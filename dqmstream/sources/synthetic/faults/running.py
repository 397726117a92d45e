"""Faults of the whole run: fewer events, other prescales."""

import re
from dataclasses import dataclass

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.faults.fault import NUMBER, Fault, checked_range, number
from dqmstream.sources.synthetic.fill import PRESCALE_COLUMNS

__all__ = ["PrescaleChange", "RateDrop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateDrop(Fault):
    """The trigger accepts only the share `share` of the events it should, evenly over the LS."""

    share: float

    kind = "rate"
    form = "rate*SHARE"
    pattern = re.compile(rf"\*(?P<share>{NUMBER})")

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not 0 <= self.share < 1:
            msg = f"share {self.share}: expected 0 or more and less than 1"
            raise ConfigurationError(msg)

    def _what(self) -> str:
        return f"*{number(self.share)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrescaleChange(Fault):
    """Another column of prescales is in force than the fill asks for."""

    column: int

    kind = "prescale"
    form = "prescale:COLUMN"
    pattern = re.compile(r":(?P<column>[0-9]{1,3})")

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        highest = PRESCALE_COLUMNS - 1
        checked_range("column", self.column, 0, highest, f"0 to {highest}")

    def _what(self) -> str:
        return f":{self.column}"
