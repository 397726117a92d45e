"""Faults of sources: they never come, stop, come late, or send the same again."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.faults.fault import SOURCE_NAME, SourceFault, checked_range

__all__ = ["AlteredChunks", "LateSource", "MissingSource", "RepeatedChunks", "SourceTroubles"]

_SOURCE = rf":(?P<source>{SOURCE_NAME})"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSource(SourceFault):
    """The source stops before the first LS of the fault, without a word; from LS 1 it never comes.

    It does not come back in the run: there is no last LS.
    """

    kind = "missing"
    form = "missing:SOURCE"
    pattern = re.compile(_SOURCE)

    def __post_init__(self) -> None:
        SourceFault.__post_init__(self)
        if self.last_lumisection is not None:
            msg = (
                f"last lumisection {self.last_lumisection}: expected none, a source that is "
                "missing does not come back in the run"
            )
            raise ConfigurationError(msg)

    def _what(self) -> str:
        return f":{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSource(SourceFault):
    """What the source sends of these LSs comes `delay` LSs late, by event time."""

    delay: int

    kind = "late"
    form = "late:SOURCE+DELAY"
    pattern = re.compile(rf"{_SOURCE}\+(?P<delay>[0-9]{{1,6}})")

    def __post_init__(self) -> None:
        SourceFault.__post_init__(self)
        checked_range("delay", self.delay, 1, 10_000, "1 to 10000 LSs")

    def _what(self) -> str:
        return f":{self.source}+{self.delay}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedChunks(SourceFault):
    """Each chunk of these LSs comes `times` times, bit by bit the same."""

    times: int = 2

    kind = "repeat"
    form = "repeat:SOURCE*TIMES"
    pattern = re.compile(rf"{_SOURCE}\*(?P<times>[0-9]{{1,6}})")

    def __post_init__(self) -> None:
        SourceFault.__post_init__(self)
        checked_range("times", self.times, 2, 10, "2 to 10")

    def _what(self) -> str:
        return f":{self.source}*{self.times}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredChunks(SourceFault):
    """Each chunk of these LSs comes once more under the same number, with another body."""

    kind = "altered"
    form = "altered:SOURCE"
    pattern = re.compile(_SOURCE)

    def _what(self) -> str:
        return f":{self.source}"


@dataclass(frozen=True, slots=True)
class SourceTroubles:
    """All that is wrong with one source."""

    faults: tuple[SourceFault, ...] = ()

    @staticmethod
    def of(source: str, faults: Iterable[SourceFault]) -> "SourceTroubles":
        """Those of the faults that are this source's."""
        return SourceTroubles(tuple(fault for fault in faults if fault.source == source))

    def __bool__(self) -> bool:
        return bool(self.faults)

    def last(self, lumisections: int) -> int:
        """The last LS that it sends, of a run of so many; 0: it never comes."""
        ends = [one.first_lumisection - 1 for one in self.faults if isinstance(one, MissingSource)]
        return min([lumisections, *ends])

    @property
    def dies(self) -> bool:
        """Whether it stops without a word."""
        return any(isinstance(fault, MissingSource) for fault in self.faults)

    def delay(self, lumisection: int) -> int:
        """LSs by which an LS comes late."""
        found = [f for f in self.faults if isinstance(f, LateSource) and f.active(lumisection)]
        return max((fault.delay for fault in found), default=0)

    def times(self, lumisection: int) -> int:
        """How often each chunk of an LS is sent."""
        found = [f for f in self.faults if isinstance(f, RepeatedChunks) and f.active(lumisection)]
        return max((fault.times for fault in found), default=1)

    def alters(self, lumisection: int) -> bool:
        """Whether each chunk of an LS is sent with another body too."""
        return any(isinstance(f, AlteredChunks) and f.active(lumisection) for f in self.faults)
