"""From HistogramSets to QualityReports: what the comparator decides, without any input or output.

An LS is judged once it is closed on all partitions, and again when a newer version of it comes;
each time the run so far is judged as well. Judging depends on the records of one partition of
`dqm.histograms`, in their order: read again from `rebuild_from`, they give the same reports. Tests
that require something of the conditions of an LS depend on these besides: it is judged again when
other ones become known, and the last reports are the same whichever came first.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.quality.declaration import Scope
from dqmstream.quality.gate import told
from dqmstream.quality.judgement import judge
from dqmstream.quality.published import Published, RunKey
from dqmstream.quality.run_total import CountedLumisection, RunTotal

__all__ = ["Comparison", "ComparisonSettings"]

_Order = tuple[bool, bool, int, int]
_REMEMBERED_RUNS: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonSettings:
    """How much is held of the past.

    Parameters
    ----------
    runs
        Runs of a set whose totals are held, the latest to be heard of; pieces of earlier ones
        are counted and not judged. Those of other sets do not count: hundreds of runs may be
        imported beside one that is going on.
    all_runs
        Runs of all sets together.
    held_bytes
        Compressed cells of closed LSs held, so that a newer version can replace an older one in
        the run total. Beyond it the oldest LSs are settled: a newer version of one can only make
        its run incomplete.
    """

    runs: int = 4
    all_runs: int = 64
    held_bytes: int = 256 << 20


@dataclass(slots=True)
class _Run:
    """One run of one set: where its records begin, and the totals of its workspaces.

    `settled` are LSs whose pieces are no longer held, with the version that was counted.
    """

    first_offset: int
    whole: bool
    first_lumisection: int | None
    totals: dict[str, RunTotal] = field(default_factory=dict)
    settled: dict[SetKey, dict[int, _Order]] = field(default_factory=dict)


class _Window(NamedTuple):
    """What a report is of."""

    key: SetKey
    scope: Scope
    complete: bool
    versions: tuple[int, ...]


def _of_lumisection(merged: Merged) -> _Window:
    return _Window(merged.key, "lumisection", merged.complete, merged.versions)


class Comparison:
    """Everything known of one partition of `dqm.histograms`.

    Parameters
    ----------
    compiled
        Tests compiled for a booking hash; None if the booking is not known.
    settings
        Bounds of memory.
    published
        What need not be judged again.
    hole
        Records before the first one are lost: the run it belongs to is never complete.
    merger
        Makes what puts the pieces together.
    conditions
        What is known of an LS, by run and LS; None if nothing is.

    Attributes
    ----------
    ignored
        Pieces not used, by reason: `old_run`, `settled`; and `late_conditions` of LSs whose pieces
        are no longer held.
    """

    def __init__(
        self,
        compiled: Callable[[str], CompiledWorkspace | None],
        settings: ComparisonSettings,
        *,
        published: Published | None = None,
        hole: bool = False,
        merger: Callable[[Callable[[str], Layout | None]], Merger] = Merger,
        conditions: Callable[[int, int], Conditions | None] = lambda _run, _lumisection: None,
    ) -> None:
        self._compiled = compiled
        self._settings = settings
        self._published = published or Published()
        self._hole = hole
        self._merger = merger(self._layout)
        self._runs: dict[RunKey, _Run] = {}
        self._gone: dict[RunKey, None] = {}
        self._held: dict[SetKey, int] = {}
        self._conditions = conditions
        self._told: dict[tuple[int, int], dict[SetKey, str]] = {}
        self._held_bytes = 0
        self.ignored: Counter[str] = Counter()

    @property
    def rebuild_from(self) -> int | None:
        """Offset of the first record of the oldest run held; None while there is none."""
        return min((run.first_offset for run in self._runs.values()), default=None)

    def apply(self, piece: HistogramSet, offset: int, made: int = 0) -> list[QualityReports]:
        """Take one record in; the reports it leads to.

        Parameters
        ----------
        piece
            Of a booking that `compiled` knows.
        offset
            Of the record.
        made
            Wall clock to stamp reports with, nanoseconds since 1970.

        Raises
        ------
        WindowError
            If it contradicts other pieces, or its booking is not known.
        MessageError
            If its cells are broken.
        """
        key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
        run = self._run((piece.set, piece.run), offset)
        if run is None:
            self.ignored["old_run"] += 1
            return []
        if key in run.settled:
            self._meet_settled(run, key, piece)
            return []
        self._check_cells(piece)
        before = self._contents_before(run, key, piece)
        if self._merger.apply(piece) is None or piece.segment > 0:
            return []
        if not self._merger.is_closed(key):
            return []
        merged = self._merged(run, key)
        total = self._count(run, merged, before)
        self._hold(key)
        return self._judge(merged, total, made)

    def renew(
        self, lumisections: Iterable[tuple[int, int]] | None = None, made: int = 0
    ) -> list[QualityReports]:
        """Judge LSs (run, LS) again whose conditions were told otherwise; all of them by default.

        Only to be called once all is judged that was published: what is judged again on the way
        there would replace what was judged after it.
        """
        wanted = list(self._told if lumisections is None else lumisections)
        return [
            report
            for place in wanted
            for key, before in list(self._told.get(place, {}).items())
            for report in self._renewed(key, before, made)
        ]

    def _renewed(self, key: SetKey, before: str, made: int) -> list[QualityReports]:
        run = self._runs[key.set, key.run]
        total = run.totals[key.workspace]
        workspace = self._workspace(total.layout)
        if told(workspace.asks_for(), self._conditions(key.run, key.lumisection)) == before:
            return []
        if key in run.settled:
            self.ignored["late_conditions"] += 1
            return []
        try:
            merged = self._merger.merged(key)
        except (WindowError, MessageError):
            return []  # as long as its pieces contradict each other nothing is said of it anew
        return [self._judge_one(merged.contents, workspace, _of_lumisection(merged), made)]

    def _layout(self, booking: str) -> Layout | None:
        workspace = self._compiled(booking)
        return None if workspace is None else workspace.layout

    def _workspace(self, layout: Layout) -> CompiledWorkspace:
        workspace = self._compiled(layout.hash)
        if workspace is None:
            msg = f"workspace {layout.workspace!r}: booking {layout.hash} is no longer known"
            raise WindowError(msg)
        return workspace

    def _check_cells(self, piece: HistogramSet) -> None:
        """Refuse a broken block before it replaces a good one."""
        layout = self._layout(piece.booking)
        if layout is not None and piece.closed and piece.parts == 1:
            Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)

    def _contents_before(self, run: _Run, key: SetKey, piece: HistogramSet) -> Contents | None:
        """What a counted LS has brought to its total, if this piece may replace some of it."""
        total = run.totals.get(key.workspace)
        if total is None or key.lumisection not in total or piece.segment > 0:
            return None
        held = {one.partition: one.order for one in self._merger.pieces(key) if one.segment == 0}
        if held.get(piece.partition, piece.order) >= piece.order:
            return None
        return self._merged(run, key).contents

    def _merged(self, run: _Run, key: SetKey) -> Merged:
        """Sum of the pieces; a run that has counted an LS which cannot be summed is not whole."""
        try:
            return self._merger.merged(key)
        except (WindowError, MessageError):
            total = run.totals.get(key.workspace)
            if total is not None and key.lumisection in total:
                total.give_up()
            raise

    def _count(self, run: _Run, merged: Merged, before: Contents | None) -> RunTotal:
        """Put a closed LS into the total of its run, in place of an older version of it."""
        layout, lumisection = merged.contents.layout, merged.key.lumisection
        total = run.totals.get(layout.workspace)
        if total is None:
            total = RunTotal(layout, whole=run.whole, first=run.first_lumisection)
            run.totals[layout.workspace] = total
        if before is not None:
            total.remove(lumisection, before)
        counted = CountedLumisection(
            complete=merged.complete,
            versions=merged.versions,
            invalid=merged.contents.invalid,
        )
        total.add(lumisection, merged.contents, counted)
        return total

    def _judge(self, merged: Merged, total: RunTotal, made: int) -> list[QualityReports]:
        """Reports of the LS, and of the run so far if any test asks for it."""
        workspace = self._workspace(total.layout)
        windows = [(merged.contents, _of_lumisection(merged))]
        if any("run" in test.declared.scopes for test in workspace.tests):
            key = merged.key._replace(lumisection=total.lumisection)
            windows.append((total.contents, _Window(key, "run", total.complete, total.versions)))
        reports = []
        for contents, window in windows:
            before = self._published.told(window.key, window.scope, window.versions)
            if not self._published.take(window.key, window.scope, window.versions):
                reports.append(self._judge_one(contents, workspace, window, made))
            elif window.scope == "lumisection":
                self._note_told(window.key, workspace, before)
        return reports

    def _judge_one(
        self, contents: Contents, workspace: CompiledWorkspace, window: _Window, made: int
    ) -> QualityReports:
        key = window.key
        reports = judge(
            contents,
            workspace,
            scope=window.scope,
            set_hash=key.set,
            run=key.run,
            lumisection=key.lumisection,
            complete=window.complete,
            versions=window.versions,
            made=made,
            conditions=self._conditions(key.run, key.lumisection),
        )
        if window.scope == "lumisection":
            self._note_told(key, workspace, reports.conditions)
        return reports

    def _note_told(self, key: SetKey, workspace: CompiledWorkspace, known: str) -> None:
        if workspace.asks_for():
            self._told.setdefault((key.run, key.lumisection), {})[key] = known

    # ------------------------------------------------------------------ bounds

    def _run(self, key: RunKey, offset: int) -> _Run | None:
        """The run of a piece, now the latest heard of; None if it is no longer held."""
        if key in self._gone:
            return None
        run = self._runs.pop(key, None)
        if run is None:
            first = self._published.first(key)
            run = _Run(first_offset=offset, whole=not self._hole, first_lumisection=first)
            self._hole = False
        self._runs[key] = run
        of_set = [other for other in self._runs if other[0] == key[0]]
        if len(of_set) > self._settings.runs:
            self._let_go(of_set[0])
        elif len(self._runs) > max(self._settings.runs, self._settings.all_runs):
            self._let_go(next(iter(self._runs)))
        return run

    def _let_go(self, run: RunKey) -> None:
        del self._runs[run]
        self._gone[run] = None
        if len(self._gone) > _REMEMBERED_RUNS:
            del self._gone[next(iter(self._gone))]
        for place, told_of in list(self._told.items()):
            self._told[place] = {key: one for key, one in told_of.items() if key[:2] != run}
            if not self._told[place]:
                del self._told[place]
        for key in list(self._merger.keys()):
            if (key.set, key.run) != run:
                continue
            self._merger.forget(key)
            self._held_bytes -= self._held.pop(key, 0)

    def _hold(self, key: SetKey) -> None:
        """Keep the pieces of a counted LS while there is room; settle the oldest."""
        size = sum(len(piece.cells) for piece in self._merger.pieces(key))
        self._held_bytes += size - self._held.get(key, 0)
        self._held[key] = size
        while self._held_bytes > self._settings.held_bytes:
            oldest = next(iter(self._held))
            self._held_bytes -= self._held.pop(oldest)
            self._settle(oldest)

    def _settle(self, key: SetKey) -> None:
        pieces = [piece for piece in self._merger.pieces(key) if piece.segment == 0]
        orders = {piece.partition: piece.order for piece in pieces}
        self._runs[key.set, key.run].settled[key] = orders
        self._merger.forget(key)

    def _meet_settled(self, run: _Run, key: SetKey, piece: HistogramSet) -> None:
        counted = run.settled[key].get(piece.partition)
        if piece.segment == 0 and (counted is None or piece.order > counted):
            self.ignored["settled"] += 1
            run.totals[key.workspace].give_up()
