"""One run of one set as the comparator knows it: its totals, the windows of it that are judged."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dqmstream.fold.merge import Merged, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Scope
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.quality.gate import told
from dqmstream.quality.held import HeldPieces, Order
from dqmstream.quality.inputs import Accepted, Exposure, Inputs, Past, References
from dqmstream.quality.published import Told
from dqmstream.quality.run_total import CountedLumisection, RunTotal
from dqmstream.quality.triggers import Triggers
from dqmstream.quality.windows import WindowSum, begin_of

__all__ = ["JudgedEnd", "JudgedWindow", "RunOfSet"]


class JudgedEnd(NamedTuple):
    """A window that ended with the newest LS when it was judged, and what was told of it."""

    key: SetKey
    told: Told


class JudgedWindow(NamedTuple):
    """What reports are of, see `QualityReports`; `lumisections` are the LSs in it."""

    contents: Contents
    key: SetKey
    scope: Scope
    complete: bool
    versions: tuple[int, ...]
    first: int
    missing: tuple[tuple[int, int], ...]
    lumisections: Sequence[int]
    closed: bool = True

    @classmethod
    def of(cls, merged: Merged) -> "JudgedWindow":
        """A single LS."""
        number = merged.key.lumisection
        return cls(
            contents=merged.contents,
            key=merged.key,
            scope="lumisection",
            complete=merged.complete,
            versions=merged.versions,
            first=number,
            missing=(),
            lumisections=(number,),
            closed=merged.closed,
        )


class RunOfSet:
    """Totals and windows of a run.

    Parameters
    ----------
    first_offset
        Of its first record.
    whole
        Whether it is known from its first record on.
    first_lumisection
        Lowest LS that anybody has ever reported on.
    held
        Pieces of its LSs.
    conditions
        What is known of an LS of it.

    Attributes
    ----------
    totals
        The run so far, by workspace.
    settled
        LSs whose pieces are no longer held, with the versions that were counted.
    ends
        What was judged last of each workspace and scope but the LS.
    triggers
        When its tests judge.
    """

    def __init__(
        self,
        first_offset: int,
        *,
        whole: bool,
        first_lumisection: int | None,
        held: HeldPieces,
        conditions: Callable[[int], Conditions | None],
    ) -> None:
        self.first_offset = first_offset
        self.totals: dict[str, RunTotal] = {}
        self.settled: dict[SetKey, dict[int, Order]] = {}
        self.ends: dict[tuple[str, Scope], JudgedEnd] = {}
        self.triggers = Triggers()
        self._whole = whole
        self._first_lumisection = first_lumisection
        self._windows: dict[tuple[str, Scope], WindowSum] = {}
        self._held = held
        self._conditions = conditions

    def holds(self, key: SetKey) -> bool:
        """Whether an LS is counted."""
        total = self.totals.get(key.workspace)
        return total is not None and key.lumisection in total

    def count(self, merged: Merged, before: Contents | None) -> None:
        """Put a closed LS into the total, in place of what an older version of it had brought."""
        workspace, lumisection = merged.key.workspace, merged.key.lumisection
        total = self.totals.get(workspace)
        if total is None:
            layout = merged.contents.layout
            total = RunTotal(layout, whole=self._whole, first=self._first_lumisection)
            self.totals[workspace] = total
        if before is not None:
            total.remove(lumisection, before)
            for (name, _), window in self._windows.items():
                if name == workspace:
                    window.take_out(lumisection, before)
        counted = CountedLumisection(
            complete=merged.complete,
            versions=merged.versions,
            invalid=merged.contents.invalid,
        )
        total.add(lumisection, merged.contents, counted)

    def give_up(self, key: SetKey) -> None:
        """Note that an LS was replaced, and that the sums it is in could not follow."""
        self.totals[key.workspace].give_up()
        for (name, _), window in self._windows.items():
            if name == key.workspace and key.lumisection in window.total:
                window.total.give_up()

    def window(self, end: SetKey, scope: Scope) -> JudgedWindow:
        """The sum over a window that ends with the newest LS.

        Its versions are those of the whole run so far: they rise, whatever turns out later to be
        in the window.
        """
        total = self.totals[end.workspace]
        first = self._begin(end, scope)
        summed, complete, missing = total, total.complete, total.missing(first)
        if scope != "run":
            held = self._windows.setdefault((end.workspace, scope), WindowSum(total.layout))
            held.move(
                [number for number in total.lumisections if number >= first],
                lambda number: self._held.find(end._replace(lumisection=number)),
            )
            summed, missing = held.total, held.missing(first, end.lumisection)
            begun = total.whole or first > total.lumisections[0]
            complete = not missing and summed.all_complete and summed.whole and begun
        return JudgedWindow(
            contents=summed.contents,
            key=end,
            scope=scope,
            complete=complete,
            versions=total.versions,
            first=first,
            missing=missing,
            lumisections=summed.lumisections,
        )

    def told_now(self, workspace: CompiledWorkspace, scope: Scope, end: SetKey) -> Told:
        """What reports of a window are told of its last LS, and where one since a change begins."""
        conditions = told(workspace.asks_for(scope), self._conditions(end.lumisection))
        return Told(conditions, self._begin(end, scope) if scope.startswith("change") else None)

    def inputs(self, window: JudgedWindow, references: References) -> Inputs:
        """What the tests of a window are given."""
        key = window.key

        def past(count: int, accepted: Accepted) -> list[Past]:
            total, found = self.totals.get(key.workspace), list[Past]()
            for number in reversed(total.lumisections if total else []):
                if len(found) == count:
                    break
                if number >= key.lumisection or not accepted(self._conditions(number)):
                    continue
                if one := self._held.find(key._replace(lumisection=number)):
                    found.append(Past(lumisection=number, contents=one.contents))
            return found[::-1]

        return Inputs(references=references, past=past, exposure=self._exposure(window))

    def _begin(self, end: SetKey, scope: Scope) -> int:
        return begin_of(scope, self.totals[end.workspace].lumisections, self._conditions)

    def _exposure(self, window: JudgedWindow) -> Exposure:
        count, recorded = len(window.lumisections), 0.0
        for number in window.lumisections:
            row = self._conditions(number)
            if row is None or row.recorded is None:
                return Exposure(lumisections=count)
            recorded += row.recorded
        return Exposure(lumisections=count, luminosity=recorded)
