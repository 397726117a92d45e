"""One run of one set as the comparator knows it: its totals, the windows of it that are judged."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dqmstream.fold.merge import Merged, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports, Scope
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.condition_names import told
from dqmstream.quality.exposed import Exposed
from dqmstream.quality.held import HeldPieces, Order
from dqmstream.quality.inputs import Accepted, Exposure, Inputs, Past, References
from dqmstream.quality.judgement import judge
from dqmstream.quality.published import Told
from dqmstream.quality.run_total import CountedLumisection, RunTotal
from dqmstream.quality.triggers import Triggers
from dqmstream.quality.windows import Begin, WindowSum

__all__ = ["JudgedEnd", "JudgedWindow", "RunOfSet"]


class JudgedEnd(NamedTuple):
    """A window that ended with the newest LS when it was judged, and what was told of it."""

    key: SetKey
    told: Told


class JudgedWindow(NamedTuple):
    """What reports are of, see `QualityReports`; `exposure` is that of the LSs in it, None for a
    single one."""

    contents: Contents
    key: SetKey
    scope: Scope
    complete: bool
    versions: tuple[int, ...]
    first: int
    missing: tuple[tuple[int, int], ...]
    exposure: Exposure | None = None
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
        self._begins: dict[tuple[str, Scope], Begin] = {}
        self._exposed: dict[str, Exposed] = {}
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
            self._exposed[workspace] = Exposed(self._conditions)
        windows = [one for (name, _), one in self._windows.items() if name == workspace]
        if before is not None:
            total.remove(lumisection, before)
            self._exposed[workspace].remove(lumisection)
            for window in windows:
                window.take_out(lumisection, before)
        counted = CountedLumisection(
            complete=merged.complete,
            versions=merged.versions,
            invalid=merged.contents.invalid,
        )
        total.add(lumisection, merged.contents, counted)
        self._exposed[workspace].add(lumisection)
        for window in windows:
            window.count(lumisection)
        for (name, _), begin in self._begins.items():
            if name == workspace:
                begin.renew(lumisection)

    def note_conditions(self, lumisections: Iterable[int] | None = None) -> None:
        """Other conditions of some LSs are known; of any by default."""
        sums = [*self._exposed.values(), *(one.exposed for one in self._windows.values())]
        if lumisections is None:
            self._begins.clear()
            for exposed in sums:
                exposed.renew_all()
            return
        for lumisection in lumisections:
            for begin in self._begins.values():
                begin.renew(lumisection)
            for exposed in sums:
                exposed.renew(lumisection)

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
        summed, complete, exposed = total, total.complete, self._exposed[end.workspace]
        missing = total.numbers.missing(first, end.lumisection)
        if scope != "run":
            place = end.workspace, scope
            if place not in self._windows:
                self._windows[place] = WindowSum(total.layout, self._conditions)
            held = self._windows[place]
            held.move(
                first,
                total.numbers,
                lambda number: self._held.find(end._replace(lumisection=number)),
            )
            summed, missing, exposed = (
                held.total,
                held.missing(first, end.lumisection),
                held.exposed,
            )
            begun = total.whole or first > total.numbers.first
            complete = not missing and summed.all_complete and summed.whole and begun
        return JudgedWindow(
            contents=summed.contents,
            key=end,
            scope=scope,
            complete=complete,
            versions=total.versions,
            first=first,
            missing=missing,
            exposure=exposed.exposure,
        )

    def told_now(self, workspace: CompiledWorkspace, scope: Scope, end: SetKey) -> Told:
        """What reports of a window are told of its last LS, and where one since a change begins."""
        conditions = told(workspace.asks_for(scope), self._conditions(end.lumisection))
        return Told(conditions, self._begin(end, scope) if scope.startswith("change") else None)

    def judged(
        self,
        window: JudgedWindow,
        workspace: CompiledWorkspace,
        tests: Sequence[CompiledTest],
        references: References,
        made: int,
    ) -> QualityReports:
        """Reports of some tests on a window."""
        key = window.key
        return judge(
            window.contents,
            workspace,
            scope=window.scope,
            set_hash=key.set,
            run=key.run,
            lumisection=key.lumisection,
            complete=window.complete,
            versions=window.versions,
            made=made,
            conditions=self._conditions(key.lumisection),
            first_lumisection=window.first,
            missing=window.missing,
            closed=window.closed,
            tests=tests,
            inputs=self._inputs(window, references),
        )

    def _inputs(self, window: JudgedWindow, references: References) -> Inputs:
        """What the tests of a window are given."""
        key = window.key

        def past(count: int, accepted: Accepted) -> list[Past]:
            total, found = self.totals.get(key.workspace), list[Past]()
            for number in reversed(total.numbers if total else ()):
                if len(found) == count:
                    break
                row = self._conditions(number)
                if number >= key.lumisection or not accepted(row):
                    continue
                if one := self._held.find(key._replace(lumisection=number)):
                    recorded = None if row is None else row.recorded
                    found.append(
                        Past(
                            lumisection=number,
                            contents=one.contents,
                            digest=one.digest,
                            luminosity=recorded,
                        )
                    )
            return found[::-1]

        exposure = window.exposure or Exposure.of([key.lumisection], self._conditions)
        return Inputs(references=references, past=past, exposure=exposure)

    def _begin(self, end: SetKey, scope: Scope) -> int:
        place = end.workspace, scope
        if place not in self._begins:
            self._begins[place] = Begin(scope, self._conditions)
        return self._begins[place].of(self.totals[end.workspace].numbers)
