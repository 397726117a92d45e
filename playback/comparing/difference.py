"""The difference of two results: all findings, what was measured, and what was compared.

A function of two results and a policy; where these come from, files or memory, it does not know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.identity import compact_ranges
from playback.comparing.bookings import pair
from playback.comparing.contents import ContentsComparison
from playback.comparing.dependencies import Dependency, dependency_findings, differing
from playback.comparing.finding import UNJUDGED, Finding, Kind
from playback.comparing.plot_memory import PlotMemory, plot_findings, plot_memories
from playback.comparing.policy import Policy, applied, unused
from playback.comparing.reading import NAMES, WHOLE_RUN, Reading
from playback.comparing.results import SideResult
from playback.comparing.spending import Figure, cost_findings, figures, log_findings
from playback.comparing.verdicts import alarm_findings, test_findings

__all__ = ["ALLOWED", "DIFFERS", "UNJUDGEABLE", "Compared", "Difference", "Drawn", "compare"]

ALLOWED: Final = 0
DIFFERS: Final = 1
UNJUDGEABLE: Final = 3
"""Exit statuses; 2 is for a command that was asked wrongly."""
_ORDER: Final = {kind: number for number, kind in enumerate(Kind)}
_DRAWN: Final = (
    Kind.CONTENTS,
    Kind.REBINNED,
    Kind.DECLARED,
    Kind.VERDICT,
    Kind.ADDED,
    Kind.REMOVED,
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How much was compared: a comparison of nothing finds nothing. `events` is None where neither
    side says how many there were."""

    lumisections: int
    events: int | None
    elements: int
    contents: int
    verdicts: int
    within_chance: int = 0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """An element over the run as both sides have it, to be drawn; None where a side has it not."""

    path: str
    workspace: str
    production: MonitorElement | None
    candidate: MonitorElement | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What came of a comparison.

    Attributes
    ----------
    findings
        By kind, then as the sides have them; `allowed` says which may be.
    figures
        What was measured; empty if a side was made already.
    plots
        What elements take in memory, the dearest first; empty where files know no workspaces.
    elements
        Contents over the run of each element that a finding is of.
    dependencies
        Distributions whose versions differ, and Python; empty if a side was made already.
    unused
        Rules of the policy that allowed nothing.
    notes
        What was left out, and why.
    """

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    plots: tuple[PlotMemory, ...]
    compared: Compared
    elements: tuple[Drawn, ...]
    dependencies: tuple[Dependency, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """Those that may not be."""
        return tuple(one for one in self.findings if not one.allowed)

    @property
    def status(self) -> int:
        """`ALLOWED`, `DIFFERS` or `UNJUDGEABLE`."""
        if any(one.kind in UNJUDGED for one in self.findings):
            return UNJUDGEABLE
        return DIFFERS if self.wrong else ALLOWED


def compare(production: SideResult, candidate: SideResult, policy: Policy) -> Difference:
    """All differences of a candidate from production.

    Raises
    ------
    SourceError, MessageError
        If a result is broken.
    """
    by_path = not (production.begun.workspaces and candidate.begun.workspaces)
    both_ran = production.begun.events and candidate.begun.events
    declared = production.begun.declared and candidate.begun.declared
    paired = pair(production.layouts, candidate.layouts, by_path=by_path, declared=declared)
    reading = Reading(production, candidate, paired, policy, by_path=by_path)
    reading.read()
    contents, verdicts = reading.contents, reading.verdicts
    findings = [
        *_ends(production, candidate),
        *reading.nothing(),
        *reading.unfilled(),
        *_missing(production, candidate),
        *reading.events_differ,
        *paired.findings,
        *contents.findings(),
    ]
    if not by_path:
        findings += verdicts.findings()
    measured: tuple[Figure, ...] = ()
    plots: tuple[PlotMemory, ...] = ()
    if not by_path:
        plots = plot_memories(paired.pairs, production.layouts, candidate.layouts, policy)
    dependencies = differing(production.ran_in, candidate.ran_in)
    findings += dependency_findings(dependencies, policy)
    if both_ran:
        until = max(contents.lumisections, default=0)
        findings += test_findings(production.tests, candidate.tests)
        findings += alarm_findings(production.ended.alarms, candidate.ended.alarms, until=until)
        findings += log_findings(production.ended.logged, candidate.ended.logged)
        findings += plot_findings(plots, policy)
        if production.ended.costs is not None and candidate.ended.costs is not None:
            measured = figures(production.ended.costs, candidate.ended.costs, policy)
            findings += cost_findings(measured)
    judged = applied(policy, sorted(findings, key=lambda one: _ORDER[one.kind]))
    return Difference(
        findings=judged,
        figures=measured,
        plots=plots,
        compared=Compared(
            lumisections=len(contents.lumisections),
            events=reading.known_events,
            elements=len(paired.pairs),
            contents=contents.compared,
            verdicts=verdicts.compared,
            within_chance=contents.within_chance(),
        ),
        elements=tuple(_drawn(judged, contents)),
        dependencies=dependencies,
        unused=unused(policy, judged),
        notes=(*_notes(production, candidate), *reading.notes()),
    )


def _ends(production: SideResult, candidate: SideResult) -> Iterator[Finding]:
    for name, side in zip(NAMES, (production, candidate), strict=True):
        crash = side.ended.crash
        if crash is not None:
            where = f"in LS {crash.lumisection}, " if crash.lumisection else ""
            yield Finding(
                kind=Kind.CRASH,
                subject=name,
                lumisections=(crash.lumisection,) if crash.lumisection else (),
                text=f"{where}{crash.doing}: {crash.why}",
            )


def _missing(production: SideResult, candidate: SideResult) -> Iterator[Finding]:
    old, new = (_numbers(side) for side in (production, candidate))
    if WHOLE_RUN in (old, new):
        return
    # An export may be of a part of the run: that the other side has more is no fault.
    summed = [set(side.lumisections) == WHOLE_RUN for side in (production, candidate)]
    lacking = {"candidate": old - new, "production": new - old}
    if summed[0] != summed[1]:
        lacking.pop("candidate" if summed[1] else "production")
    for name, numbers in lacking.items():
        if numbers:
            yield Finding(
                kind=Kind.MISSING,
                subject=name,
                lumisections=tuple(sorted(numbers)),
                text=f"has no LS {compact_ranges(numbers)}, the other side has",
            )


def _numbers(side: SideResult) -> set[int]:
    """LSs that a side has, or has the sum of."""
    own = set(side.lumisections)
    return set(side.begun.covers) if own == WHOLE_RUN and side.begun.covers else own


def _drawn(findings: Sequence[Finding], contents: ContentsComparison) -> Iterator[Drawn]:
    """Elements that findings are of, each once: first those that look otherwise."""
    seen = set[str]()
    told = [one for kind in _DRAWN for one in findings if one.kind is kind]
    for finding in told:
        if finding.subject in seen:
            continue
        seen.add(finding.subject)
        sides = [_element(total, finding.subject) for total in contents.totals]
        if any(one is not None for one in sides):
            yield Drawn(
                path=finding.subject,
                workspace=finding.workspace,
                production=sides[0],
                candidate=sides[1],
            )


def _element(total: dict[str, Contents], path: str) -> MonitorElement | None:
    for one in total.values():
        if path in one.layout:
            return MonitorElement.at(one, path)
    return None


def _notes(production: SideResult, candidate: SideResult) -> tuple[str, ...]:
    found = [
        f"{name}: {note}"
        for name, side in zip(NAMES, (production, candidate), strict=True)
        for note in (*side.ended.notes, *(side.ran_in.notes if side.ran_in else ()))
    ]
    if production.begun.run != candidate.begun.run:
        found.append(f"runs differ: {production.begun.run} and {candidate.begun.run}")
    if not (production.begun.events and candidate.begun.events):
        found.append("a side was made already: costs, alarms and logs are not compared")
    return tuple(found)
