"""From HistogramSets to QualityReports: what the comparator decides, without any input or output.

An LS is judged once it is closed on all partitions, and again when a newer version of it comes;
each time the windows that end with the newest LS (the run so far, the last LSs, those since a
change) are judged as well. Judging depends on the records of one partition of `dqm.histograms`, in
their order: read again from `rebuild_from`, they give the same reports. Tests that ask for
conditions of an LS depend on these besides: it is judged again when other ones become known, and
the last reports are the same whichever came first.

What is said of LSs that are still open is never said twice of the same contents, and not at all
while records are read again: a closed LS has the last word.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.condition_names import told
from dqmstream.quality.held import HeldPieces
from dqmstream.quality.held_runs import ComparisonSettings, HeldRuns
from dqmstream.quality.inputs import References, no_references
from dqmstream.quality.published import Published, RunKey, Told
from dqmstream.quality.run_of_set import JudgedEnd, JudgedWindow, RunOfSet
from dqmstream.quality.told_conditions import ToldConditions

__all__ = ["Comparison", "ComparisonSettings"]


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
    references
        What elements are compared with.

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
        references: References = no_references,
    ) -> None:
        self._compiled = compiled
        self._published = published or Published()
        self._held = HeldPieces(merger(self._layout), settings.held_bytes)
        self._merger = self._held.merger
        self._runs = HeldRuns(settings, self._held, self._published, conditions, hole=hole)
        self._conditions = conditions
        self._references = references
        self._told = ToldConditions()
        self.ignored: Counter[str] = Counter()

    @property
    def rebuild_from(self) -> int | None:
        """Offset of the first record of the oldest run held; None while there is none."""
        return min((run.first_offset for _, run in self._runs), default=None)

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
        if layout := self._layout(piece.booking):
            self._held.check_cells(layout, piece)
        before = self._contents_before(run, key, piece)
        if self._merger.apply(piece) is None or piece.segment > 0:
            return []
        if not self._merger.is_closed(key):
            return self._judge_open(run, key, piece, made)
        merged = self._merged(run, key)
        run.count(merged, before)
        self._hold(key)
        return self._judge(run, merged, made)

    def renew(
        self, lumisections: Iterable[tuple[int, int]] | None = None, made: int = 0
    ) -> list[QualityReports]:
        """Judge LSs (run, LS) again whose conditions were told otherwise; all of them by default.

        Only to be called once all is judged that was published: what is judged again on the way
        there would replace what was judged after it.
        """
        lumisections = None if lumisections is None else list(lumisections)
        self.note_conditions(lumisections)
        wanted = self._told.places if lumisections is None else lumisections
        reports = [
            report
            for place in wanted
            for key, before in self._told.of(place)
            for report in self._renewed(key, before, made)
        ]
        runs = None if lumisections is None else {run for run, _ in wanted}
        for (_, number), run in self._runs:
            if runs is None or number in runs:
                reports += self._renewed_windows(run, made)
        return reports

    def note_conditions(self, lumisections: Iterable[tuple[int, int]] | None = None) -> None:
        """Other conditions of LSs (run, LS) are known, of any by default: what is judged from here
        on goes by them. `renew` does this too."""
        of_runs: dict[int, list[int]] = {}
        for number, lumisection in lumisections or ():
            of_runs.setdefault(number, []).append(lumisection)
        for (_, number), run in self._runs:
            if lumisections is None:
                run.note_conditions()
            elif number in of_runs:
                run.note_conditions(of_runs[number])

    def _renewed(self, key: SetKey, before: str, made: int) -> list[QualityReports]:
        run = self._runs[key.set, key.run]
        workspace = self._workspace(run.totals[key.workspace].layout)
        if told(workspace.asks_for(), self._conditions(key.run, key.lumisection)) == before:
            return []
        if key in run.settled:
            self.ignored["late_conditions"] += 1
            return []
        try:
            window = JudgedWindow.of(self._merger.merged(key))
        except (WindowError, MessageError):
            return []  # as long as its pieces contradict each other nothing is said of it anew
        tests = run.triggers.of_lumisection(workspace, key.lumisection)
        return [self._judge_one(run, workspace, window, tests, made)]

    def _renewed_windows(self, run: RunOfSet, made: int) -> list[QualityReports]:
        """The newest windows again whose begin or end is now known otherwise."""
        reports = []
        for (name, scope), (end, before) in list(run.ends.items()):
            if end.lumisection != run.totals[name].lumisection:
                continue  # a newer LS has closed, and none of its tests was due with it
            workspace = self._workspace(run.totals[name].layout)
            tests = run.triggers.of_window(workspace, scope, end.lumisection)
            if tests and run.told_now(workspace, scope, end) != before:
                window = run.window(end, scope)
                reports.append(self._judge_one(run, workspace, window, tests, made))
        return reports

    def _layout(self, booking: str) -> Layout | None:
        workspace = self._compiled(booking)
        return None if workspace is None else workspace.layout

    def _workspace(self, layout: Layout) -> CompiledWorkspace:
        workspace = self._compiled(layout.hash)
        if workspace is None:
            msg = f"workspace {layout.workspace!r}: booking {layout.hash} is no longer known"
            raise WindowError(msg)
        return workspace

    def _contents_before(self, run: RunOfSet, key: SetKey, piece: HistogramSet) -> Contents | None:
        """What a counted LS has brought to its total, if this piece may replace some of it."""
        if not run.holds(key) or piece.segment > 0:
            return None
        held = self._held.partition_order(key, piece.partition)
        if (piece.order if held is None else held) >= piece.order:
            return None
        return self._merged(run, key).contents

    def _merged(self, run: RunOfSet, key: SetKey) -> Merged:
        """Sum of the pieces; a run that has counted an LS which cannot be summed is not whole."""
        try:
            return self._merger.merged(key)
        except (WindowError, MessageError):
            if run.holds(key):
                run.give_up(key)
            raise

    # ------------------------------------------------------------------ judging

    def _judge(self, run: RunOfSet, merged: Merged, made: int) -> list[QualityReports]:
        """Reports of the LS, and of the windows up to the newest LS that any test asks for."""
        total = run.totals[merged.key.workspace]
        workspace = self._workspace(total.layout)
        if workspace.looks_back:
            self._held.note(merged)
        run.triggers.close(merged.key)
        reports, key = list[QualityReports](), merged.key
        if before := self._published.take(key, "lumisection", merged.versions):
            self._told.note(key, workspace, before.conditions)
        else:
            tests = run.triggers.of_lumisection(workspace, key.lumisection)
            window = JudgedWindow.of(merged)
            reports.append(self._judge_one(run, workspace, window, tests, made))
        end = key._replace(lumisection=total.lumisection)
        for scope in workspace.scopes:
            tests = run.triggers.of_window(workspace, scope, end.lumisection)
            if scope == "lumisection" or not tests:
                continue
            if before := self._published.take(end, scope, total.versions):
                run.ends[end.workspace, scope] = JudgedEnd(end, before)
            else:
                window = run.window(end, scope)
                reports.append(self._judge_one(run, workspace, window, tests, made))
        return reports

    def _judge_open(
        self, run: RunOfSet, key: SetKey, piece: HistogramSet, made: int
    ) -> list[QualityReports]:
        """Reports of an LS that is not closed yet, by the tests that ask for them."""
        workspace = self._compiled(piece.booking)
        if self._published or run.holds(key) or workspace is None:
            return []
        if not run.triggers.looks_at_open(workspace):
            return []
        try:
            merged = self._merger.merged(key)
        except (WindowError, MessageError):
            return []  # if they still contradict each other when it closes, that is said then
        tests = run.triggers.of_open(workspace, key, merged.versions)
        if not tests:
            return []
        return [self._judge_one(run, workspace, JudgedWindow.of(merged), tests, made)]

    def _judge_one(
        self,
        run: RunOfSet,
        workspace: CompiledWorkspace,
        window: JudgedWindow,
        tests: Sequence[CompiledTest],
        made: int,
    ) -> QualityReports:
        reports = run.judged(window, workspace, tests, self._references, made)
        if window.scope == "lumisection" and window.closed:
            self._told.note(window.key, workspace, reports.conditions)
        elif window.closed:
            moved = window.first if window.scope.startswith("change") else None
            told_of = Told(reports.conditions, moved)
            run.ends[window.key.workspace, window.scope] = JudgedEnd(window.key, told_of)
        return reports

    # ------------------------------------------------------------------ bounds

    def _run(self, key: RunKey, offset: int) -> RunOfSet | None:
        """The run of a piece, now the latest heard of; None if it is no longer held."""
        run = self._runs.of(key, offset)
        for gone in self._runs.let_go():
            self._told.forget(gone)
        return run

    def _hold(self, key: SetKey) -> None:
        """Keep the pieces of a counted LS while there is room; settle the oldest."""
        for oldest, orders in self._held.hold(key):
            self._runs[oldest.set, oldest.run].settled[oldest] = orders

    def _meet_settled(self, run: RunOfSet, key: SetKey, piece: HistogramSet) -> None:
        counted = run.settled[key].get(piece.partition)
        if piece.segment == 0 and (counted is None or piece.order > counted):
            self.ignored["settled"] += 1
            run.give_up(key)
