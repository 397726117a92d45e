"""From HistogramSets to QualityReports: what the comparator decides, without any input or output.

An LS is judged once it is closed on all partitions, and again when a newer version of it comes;
each time the run so far is judged as well. Judging depends on the records of one partition of
`dqm.histograms` alone, in their order: read again from `rebuild_from`, they give the same reports.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.quality.declaration import Scope
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
        Runs (of a set) whose totals are held, the latest to be heard of; pieces of earlier ones
        are counted and not judged.
    held_bytes
        Compressed cells of closed LSs held, so that a newer version can replace an older one in
        the run total. Beyond it the oldest LSs are settled: a newer version of one can only make
        its run incomplete.
    """

    runs: int = 4
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

    Attributes
    ----------
    ignored
        Pieces not used, by reason: `old_run`, `settled`.
    """

    def __init__(
        self,
        compiled: Callable[[str], CompiledWorkspace | None],
        settings: ComparisonSettings,
        *,
        published: Published | None = None,
        hole: bool = False,
        merger: Callable[[Callable[[str], Layout | None]], Merger] = Merger,
    ) -> None:
        self._compiled = compiled
        self._settings = settings
        self._published = published or Published()
        self._hole = hole
        self._merger = merger(self._layout)
        self._runs: dict[RunKey, _Run] = {}
        self._gone: dict[RunKey, None] = {}
        self._held: dict[SetKey, int] = {}
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
        windows: list[tuple[Scope, int, bool, tuple[int, ...]]] = [
            ("lumisection", merged.key.lumisection, merged.complete, merged.versions)
        ]
        if any("run" in test.declared.scopes for test in workspace.tests):
            windows.append(("run", total.lumisection, total.complete, total.versions))
        reports = []
        for scope, lumisection, complete, versions in windows:
            key = merged.key._replace(lumisection=lumisection)
            if self._published.take(key, scope, versions):
                continue
            one = judge(
                merged.contents if scope == "lumisection" else total.contents,
                workspace,
                scope=scope,
                set_hash=key.set,
                run=key.run,
                lumisection=lumisection,
                complete=complete,
                versions=versions,
                made=made,
            )
            reports.append(one)
        return reports

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
        if len(self._runs) > self._settings.runs:
            self._let_go(next(iter(self._runs)))
        return run

    def _let_go(self, run: RunKey) -> None:
        del self._runs[run]
        self._gone[run] = None
        if len(self._gone) > _REMEMBERED_RUNS:
            del self._gone[next(iter(self._gone))]
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
