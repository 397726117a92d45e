"""Outcomes together: the worst of them, and how many could not be judged."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from dqmstream.messages.quality import Outcome

__all__ = ["CMS_CODES", "JUDGED", "RANK", "Summary", "worst_of"]

CMS_CODES: Final[Mapping[Outcome, int]] = MappingProxyType(
    {
        Outcome.GOOD: 100,
        Outcome.WARNING: 200,
        Outcome.BAD: 300,
        Outcome.INSUFFICIENT: 70,
        Outcome.INVALID: 60,
        Outcome.DISABLED: 50,
        Outcome.NOT_RUN: 90,
        Outcome.ERROR: 30,
        Outcome.STALE: 30,
    }
)
"""Status codes of CMSSW's DQMServices/Core/interface/DQMDefinitions.h: STATUS_OK 100, WARNING 200,
ERROR 300 (our BAD), INSUF_STAT 70, INVALID 60, DISABLED 50, DID_NOT_RUN 90, OTHER 30."""

JUDGED: Final = frozenset({Outcome.GOOD, Outcome.WARNING, Outcome.BAD})
"""Outcomes that say something of the data; all others say why nothing can be said."""

_RISING: Final = (
    Outcome.DISABLED,
    Outcome.NOT_RUN,
    Outcome.INSUFFICIENT,
    Outcome.STALE,
    Outcome.INVALID,
    Outcome.ERROR,
    Outcome.GOOD,
    Outcome.WARNING,
    Outcome.BAD,
)
RANK: Final[Mapping[Outcome, int]] = MappingProxyType(
    {outcome: rank for rank, outcome in enumerate(_RISING)}
)
"""Rises with how bad an outcome is: that of `worst_of` has the highest."""


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst judged outcome, or the most telling of the others if nothing was judged.

    NOT_RUN without any. A GOOD hides what could not be judged, as by CMSSW's numbers an OK hides an
    INVALID: show `Summary.not_judged` beside it.
    """
    return max(outcomes, key=RANK.__getitem__, default=Outcome.NOT_RUN)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts per outcome. Summaries add up, in any order and grouping."""

    counts: Mapping[Outcome, int] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """Counts of these outcomes."""
        return cls(dict(Counter(outcomes)))

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(dict(Counter(self.counts) + Counter(other.counts)))

    @property
    def worst(self) -> Outcome:
        """`worst_of` all outcomes."""
        return worst_of(outcome for outcome, count in self.counts.items() if count)

    @property
    def judged(self) -> int:
        """How many say something of the data."""
        return sum(count for outcome, count in self.counts.items() if outcome in JUDGED)

    @property
    def not_judged(self) -> int:
        """How many say nothing of the data though they should: all others but DISABLED."""
        return sum(self.counts.values()) - self.judged - self.counts.get(Outcome.DISABLED, 0)

    @property
    def good_fraction(self) -> float | None:
        """CMS's reportSummary: GOOD of all judged; None if nothing was judged."""
        return self.counts.get(Outcome.GOOD, 0) / self.judged if self.judged else None

    @property
    def green(self) -> bool:
        """Whether every test that should run did, and found GOOD."""
        return self.worst is Outcome.GOOD and self.not_judged == 0
