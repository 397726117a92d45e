"""Both sides read, LS by LS: contents, verdicts and events compared, and whether there are any."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from dqmstream.identity import compact_ranges
from playback.comparing.bookings import Paired
from playback.comparing.contents import ContentsComparison
from playback.comparing.fillings import (
    Fillings,
    filling_findings,
    unfilled_findings,
    unfilled_notes,
)
from playback.comparing.finding import Finding, Kind
from playback.comparing.policy import Policy
from playback.comparing.results import LumisectionResult, SideResult, contents_of
from playback.comparing.verdicts import VerdictComparison

__all__ = ["NAMES", "WHOLE_RUN", "Reading"]

NAMES: Final = ("production", "candidate")
WHOLE_RUN: Final = {0}
"""LSs of a side that has but the sum of a run."""


class Reading:
    """Goes through the LSs of both sides once."""

    def __init__(
        self,
        production: SideResult,
        candidate: SideResult,
        paired: Paired,
        policy: Policy,
        *,
        by_path: bool,
    ) -> None:
        self._sides = production, candidate
        self._pairs = paired.pairs
        self._both_ran = production.begun.events and candidate.begun.events
        self.contents = ContentsComparison(
            production.layouts,
            candidate.layouts,
            paired.pairs,
            policy,
            by_path=by_path,
            rounded=not (production.begun.declared and candidate.begun.declared),
        )
        known = ((one.production_workspace, one.path) for one in paired.pairs)
        self.verdicts = VerdictComparison(known, self._switched_on())
        self.events_differ: list[Finding] = []
        self._fillings = [Fillings(side.layouts) for side in self._sides]
        self.events = [0, 0]
        """Filled, by side."""

    def _switched_on(self) -> frozenset[str] | None:
        """Quality tests of both sides; any, if one was made already and says nothing of them."""
        if not self._both_ran:
            return None
        old, new = ({one.name for one in side.tests if one.enabled} for side in self._sides)
        return frozenset(old & new)

    def read(self) -> None:
        """All LSs; beside the sum of some of them, as an export may have it, only these count."""
        old, new = (set(side.lumisections) for side in self._sides)
        whole_run = (old == WHOLE_RUN) != (new == WHOLE_RUN)
        taken = old | new
        if whole_run and (covered := _covered(*self._sides)):
            taken &= covered | WHOLE_RUN
        for number in sorted(old | new):
            both = [
                side.lumisection(number) if number in numbers else None
                for side, numbers in zip(self._sides, (old, new), strict=True)
            ]
            before, after = (
                None if one is None else contents_of(one, side.layouts)
                for one, side in zip(both, self._sides, strict=True)
            )
            if number in taken:
                for side, one in enumerate(both):
                    self.events[side] += 0 if one is None else one.selected
            for fillings, found in zip(self._fillings, (before, after), strict=True):
                fillings.add(found or {})
            if before is not None and after is not None:
                self.contents.compare(number, before, after)
                self._compare(number, both)
            elif whole_run and number in taken:
                self.contents.add_totals(0, before or {})
                self.contents.add_totals(1, after or {})
        if whole_run:
            self.contents.compare_totals()

    def _compare(self, number: int, both: Sequence[LumisectionResult | None]) -> None:
        old, new = both
        if old is None or new is None:
            return
        self.verdicts.compare(number, old.reports, new.reports)
        if self._both_ran:
            self.events_differ += _other_events(number, old, new)

    @property
    def known_events(self) -> int | None:
        """Filled in production, or in the candidate where only that says it; None if neither."""
        for side, events in zip(self._sides, self.events, strict=True):
            if side.begun.events or events:
                return events
        return None

    def nothing(self) -> Iterator[Finding]:
        """A comparison of nothing would find nothing: it is a failure instead."""
        for number, (name, side) in enumerate(zip(NAMES, self._sides, strict=True)):
            if side.ended.crash is not None:
                continue
            if not side.lumisections:
                yield _unread(name, "not one LS was read")
            elif side.begun.events and not self.events[number]:
                yield _unread(name, f"{len(side.lumisections)} LSs were read, and no event in them")
            elif nothing := self._fillings[number].nothing:
                yield _unread(name, nothing)
        old, new = (side.lumisections for side in self._sides)
        if not self.contents.lumisections and old and new:
            text = (
                f"no LS is in both: production has {compact_ranges(old)}, "
                f"the candidate {compact_ranges(new)}"
            )
            yield _unread("both", text)

    def unfilled(self) -> Iterator[Finding]:
        """Workspaces, and new elements, that got nothing: they are equal with anything."""
        yield from filling_findings(self._empty)
        yield from unfilled_findings(self._pairs, self.contents.totals[1], self._empty_names)

    def notes(self) -> Iterator[str]:
        """Of elements that neither side could fill."""
        yield from unfilled_notes(*self.contents.totals, self._empty_names)

    @cached_property
    def _empty(self) -> dict[str, Mapping[str, str]]:
        """Why workspaces are empty, by side; not of a side that has nothing at all."""
        return {
            name: fillings.empty
            for name, side, fillings in zip(NAMES, self._sides, self._fillings, strict=True)
            if side.ended.crash is None and side.lumisections and not fillings.nothing
        }

    @property
    def _empty_names(self) -> frozenset[str]:
        return frozenset[str]().union(*self._empty.values())


def _other_events(number: int, old: LumisectionResult, new: LumisectionResult) -> Iterator[Finding]:
    told = [
        f"{what} {was} to {now}"
        for what, was, now in (
            ("events seen", old.seen, new.seen),
            ("events filled", old.selected, new.selected),
            ("chunks refused", _words(old.refused), _words(new.refused)),
        )
        if was != now
    ]
    if told:
        yield Finding(
            kind=Kind.EVENTS, subject=f"LS {number}", lumisections=(number,), text="; ".join(told)
        )


def _words(refused: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(refused.items())) or "none"


def _unread(name: str, text: str) -> Finding:
    return Finding(kind=Kind.NOTHING_READ, subject=name, text=text)


def _covered(production: SideResult, candidate: SideResult) -> frozenset[int]:
    """LSs that a side has the sum of alone; none if neither says of which."""
    for side in (production, candidate):
        if set(side.lumisections) == WHOLE_RUN and side.begun.covers:
            return frozenset(side.begun.covers)
    return frozenset()
