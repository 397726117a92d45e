"""Which run would be a good reference for another: a ranking with reasons, for a person to accept.

Rules after AutoDQM (`autoref/ref.py`): enough statistics, a mean luminosity within 15 %, at most 10
days apart. Here each is a distance in units of its tolerance, and the sum of the distances ranks:
below 1 each all is as AutoDQM asks; nothing is left out for a small excess, and why one is before
another can be read.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dqmstream.references.validity import same_energy

__all__ = ["Criteria", "Proposal", "RunFacts", "proposals"]

_DAY: Final = 86_400 * 10**9
_UNKNOWN: Final = 1.0
"""Distance where one of the two runs is not known to that end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What the store knows of a run.

    Parameters
    ----------
    lumisections, events
        Closed LSs with contents, and the events that were seen in them.
    started
        Nanoseconds since 1970; 0 if not known.
    luminosity, pileup
        Means over its LSs; None if not known.
    prescales
        Names of the prescale columns that were in force.
    bad
        Share of its judged quality tests that were BAD or ERROR; None if none was judged.
    marks
        What about its data is not as a detector took it.
    energy
        Of a beam in most of its LSs [GeV]; None if not known.
    """

    run: int
    run_type: str = ""
    ended: bool = True
    lumisections: int = 0
    events: int = 0
    started: int = 0
    luminosity: float | None = None
    pileup: float | None = None
    prescales: tuple[str, ...] = ()
    bad: float | None = None
    marks: tuple[str, ...] = ()
    energy: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Criteria:
    """What is asked of a reference run.

    Parameters
    ----------
    ratio
        By how much luminosity and pile-up may differ: a factor above 1.
    days
        How long it may be ago.
    lumisections, events
        Least statistics: a run with fewer is not proposed.
    bad
        Largest share of quality tests that were BAD: a run with more is not proposed.
    """

    ratio: float = 1.15
    days: float = 10.0
    lumisections: int = 5
    events: int = 0
    bad: float = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A run and how far it is from being the best reference there could be.

    `distance` is 0 for a run that is the same in all that is asked; `refused` says why it is not
    proposed at all, empty if it is; `reasons` are for people.
    """

    facts: RunFacts
    distance: float
    reasons: tuple[str, ...]
    refused: str = ""


def proposals(
    wanted: RunFacts, others: Iterable[RunFacts], criteria: Criteria | None = None
) -> tuple[Proposal, ...]:
    """Runs as references for one, the best first; those that are refused come last.

    The order in which the others are given does not matter.
    """
    criteria = criteria or Criteria()
    found = [_proposal(wanted, one, criteria) for one in others if one.run != wanted.run]
    return tuple(sorted(found, key=_turn))


def _turn(proposal: Proposal) -> tuple[bool, float, int]:
    return bool(proposal.refused), proposal.distance, -proposal.facts.run


def _proposal(wanted: RunFacts, other: RunFacts, criteria: Criteria) -> Proposal:
    parts = (
        _ratio("luminosity", wanted.luminosity, other.luminosity, criteria.ratio),
        _ratio("pile-up", wanted.pileup, other.pileup, criteria.ratio),
        _age(wanted, other, criteria.days),
        _prescales(wanted.prescales, other.prescales),
        _energy(wanted.energy, other.energy),
    )
    statistics = f"{other.lumisections} LSs with {other.events} events"
    quality = "no quality test judged" if other.bad is None else f"{other.bad:.1%} of tests BAD"
    return Proposal(
        facts=other,
        distance=round(sum(distance for distance, _ in parts), 6),
        reasons=(*(reason for _, reason in parts), statistics, quality),
        refused=_refused(wanted, other, criteria),
    )


def _refused(wanted: RunFacts, other: RunFacts, criteria: Criteria) -> str:
    if wanted.run_type != other.run_type:
        return f"its run type is {other.run_type!r}, not {wanted.run_type!r}"
    if set(wanted.marks) != set(other.marks):
        return f"its data are marked {_words(other.marks)}, not {_words(wanted.marks)}"
    one, two = wanted.energy, other.energy
    if one is not None and two is not None and not same_energy(one, two):
        return f"its beams had {two:g} GeV, not {one:g} GeV"
    if not other.ended:
        return "it is not over"
    if other.lumisections < criteria.lumisections:
        return f"it has {other.lumisections} LSs, expected at least {criteria.lumisections}"
    if other.events < criteria.events:
        return f"it has {other.events} events, expected at least {criteria.events}"
    if other.bad is not None and other.bad > criteria.bad:
        return f"{other.bad:.1%} of its quality tests were BAD, expected at most {criteria.bad:.1%}"
    return ""


def _ratio(
    what: str, wanted: float | None, other: float | None, factor: float
) -> tuple[float, str]:
    if not wanted or not other or wanted < 0 or other < 0:
        return _UNKNOWN, f"{what} not known of both"
    distance = abs(math.log(other / wanted)) / math.log(factor)
    return distance, f"{what} {other / wanted:.2f} times as large"


def _age(wanted: RunFacts, other: RunFacts, days: float) -> tuple[float, str]:
    if not wanted.started or not other.started:
        return _UNKNOWN, "age not known"
    age = (wanted.started - other.started) / _DAY
    told = f"{age:.1f} days before" if age >= 0 else f"{-age:.1f} days after"
    return abs(age) / days, told


def _prescales(wanted: Sequence[str], other: Sequence[str]) -> tuple[float, str]:
    if not wanted or not other:
        return _UNKNOWN, "prescale columns not known of both"
    shared = len(set(wanted) & set(other)) / len(set(wanted))
    return 1.0 - shared, f"{shared:.0%} of its prescale columns"


def _energy(wanted: float | None, other: float | None) -> tuple[float, str]:
    """Of two that are known to differ it is refused."""
    if wanted is None or other is None:
        return _UNKNOWN, "energy not known of both"
    return 0.0, f"beams of {other:g} GeV"


def _words(marks: Sequence[str]) -> str:
    return ", ".join(sorted(marks)) or "by nothing"
