"""One side, LS by LS: chunks decoded, workspaces filled and analysed, judged, alarms told.

It is what fillers, analysers, comparator and alarms do, with the same code and without a log
between them: the recording is the order, so the same release makes the same bits every time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from dqmstream.analyses.analysed import closed_by
from dqmstream.analyses.analysis import LumisectionAnalysis, Sample
from dqmstream.analyses.gathering import Gathered, columns_read, sample_of
from dqmstream.analyses.registry import load_analysis
from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.events import Chunk
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.sources.source import EventSource
from playback.comparing.choice import Running
from playback.comparing.costs import Seconds
from playback.comparing.judging import Judge
from playback.comparing.recorded import RecordedLumisection, decoded, side_by_side
from playback.comparing.results import AlarmStep, LumisectionResult, ResultWriter, WorkspaceResult

__all__ = ["Playing", "result_of"]


class Playing:
    """A run on its way.

    Parameters
    ----------
    sources
        Of one run, as it was recorded.
    running
        What fills and judges.
    writer
        Takes the results; None only fills, to measure again what that takes.
    chunk_events
        Events in a chunk; 0 leaves them as they were recorded.
    conditions
        What the recording knows of LSs besides their events, by LS.
    """

    def __init__(
        self,
        sources: Sequence[EventSource],
        running: Running,
        writer: ResultWriter | None,
        *,
        chunk_events: int = 0,
        conditions: Mapping[int, Conditions] | None = None,
    ) -> None:
        self._sources, self._writer = tuple(sources), writer
        self._chunk_events = chunk_events
        self.seconds = Seconds()
        self.alarms: list[AlarmStep] = []
        self._filled = [(x, WorkspaceFiller(x)) for x in running.layouts if not x.booking.analysis]
        run = sources[0].run
        self._analysed = [_Analysed(x, run) for x in running.layouts if x.booking.analysis]
        self._judge = None if writer is None else Judge(sources, running, conditions or {})

    def play(self) -> None:
        """All LSs of the recording."""
        for one in side_by_side(self._sources):
            self._play(one)

    def _play(self, lumisection: RecordedLumisection) -> None:
        number, refused = lumisection.number, Counter[str]()
        contents = {layout.workspace: Contents.empty(layout) for layout, _ in self._filled}
        seen = selected = 0
        chunks = decoded(lumisection, self._chunk_events, refused)
        while True:
            self._at(number, "reading")
            with self.seconds.decodes():
                found = next(chunks, None)
            if found is None:
                break
            chunk, columns = found
            seen += chunk.seen
            selected += chunk.selected
            self._fill(number, chunk, columns, contents)
        closed = [(a, self._close(a, number)) for a in self._analysed]
        contents |= {analysed.layout.workspace: one for analysed, one in closed}
        self.seconds.end_lumisection(selected)
        if self._writer is None or self._judge is None:
            return
        found_conditions = [a.conditions for a in self._analysed if a.conditions is not None]
        reports = list[QualityReports]()
        self._judge.know(found_conditions)
        for workspace, one in sorted(contents.items()):
            self._at(number, f"judging {workspace}")
            with self.seconds.judges(workspace):
                reports += self._judge.judge(number, one)
        self.alarms += self._judge.tell(number, lumisection.seconds, reports)
        self._writer.add(
            LumisectionResult(
                lumisection=number,
                seen=seen,
                selected=selected,
                refused=dict(sorted(refused.items())),
                contents=tuple(result_of(one) for _, one in sorted(contents.items())),
                reports=tuple(reports),
            )
        )

    def _fill(
        self, number: int, chunk: Chunk, columns: Columns, contents: Mapping[str, Contents]
    ) -> None:
        for layout, filler in self._filled:
            name = layout.workspace
            self._at(number, f"filling {name}")
            with self.seconds.fills(name):
                filler.fill(contents[name], columns, source=chunk.source, number=chunk.number)
        for analysed in self._analysed:
            with self.seconds.fills(analysed.layout.workspace):
                analysed.add(chunk, columns)

    def _close(self, analysed: "_Analysed", number: int) -> Contents:
        name = analysed.layout.workspace
        self._at(number, f"analysing {name}")
        with self.seconds.fills(name):
            return analysed.close(number)

    def _at(self, number: int, doing: str) -> None:
        if self._writer is not None:
            self._writer.at(number, doing)


class _Analysed:
    """A workspace that is analysed, as analysers do it."""

    def __init__(self, layout: Layout, run: int) -> None:
        self.layout = layout
        self.conditions: Conditions | None = None
        self._run = run
        self._analysis: LumisectionAnalysis = load_analysis(layout)
        self._state = self._analysis.begin(run)
        self._before: list[Sample] = []
        self._gathered = self._anew()

    def add(self, chunk: Chunk, columns: Columns) -> None:
        self._gathered.add(chunk, columns)

    def close(self, number: int) -> Contents:
        sample, problem = sample_of(self._run, number, [self._gathered])
        self._gathered = self._anew()
        window = [*self._before, sample]
        closed, _ = closed_by(self._analysis, self.layout, self._state, window, problem)
        self._state, self.conditions = closed.state, closed.conditions
        lookback = self._analysis.lookback
        self._before = window[-lookback:] if lookback else []
        return closed.contents

    def _anew(self) -> Gathered:
        return Gathered(columns_read(self.layout.booking))


def result_of(contents: Contents) -> WorkspaceResult:
    """Contents as they stand in a result."""
    return WorkspaceResult(
        workspace=contents.layout.workspace,
        cells=contents.encode(),
        scalars=contents.scalars,
        invalid=contents.invalid,
    )
