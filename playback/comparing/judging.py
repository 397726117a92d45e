"""What the comparator and the service of alarms make of a side's contents, LS by LS."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.register import From
from dqmstream.alarms.rules import ProcessLimits
from dqmstream.booking_set import BookingSet
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.messages.events import RunStart
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.plugins import load_plugins
from dqmstream.sources.source import EventSource
from playback.comparing.choice import Running
from playback.comparing.recorded import BEGIN
from playback.comparing.results import AlarmStep

__all__ = ["Judge"]

_SECOND: Final = 10**9
_NEVER: Final = ProcessLimits(silent=0, lag=0, starving=0, no_reports=0, condition=0)
"""Nothing is said of processes: there are none."""


class Judge:
    """Quality tests and alarms of a run.

    Parameters
    ----------
    sources
        Of the run.
    running
        Its layouts, quality tests, alarm rules and references.
    conditions
        What is known of LSs besides their events, by LS.
    """

    def __init__(
        self,
        sources: Sequence[EventSource],
        running: Running,
        conditions: Mapping[int, Conditions],
    ) -> None:
        bookings = [layout.booking for layout in running.layouts]
        self._run = sources[0].run
        self._set = BookingSet(bookings, FoldSettings(partitions=1)).hash
        algorithms = load_plugins().algorithms
        compiled = compile_tests(running.tests, bookings, algorithms).workspaces
        self._known = dict(conditions)
        self._comparison = Comparison(
            compiled.get,
            ComparisonSettings(),
            conditions=lambda _run, lumisection: self._known.get(lumisection),
            references=running.references,
        )
        rules = msgspec.structs.replace(running.rules, process=_NEVER)
        self._board = AlarmBoard(rules, {test.name: test.alarm for test in running.tests})
        self._now, self._offset = BEGIN, 0
        for source in sources:
            begun = RunStart(
                run=source.run,
                source=source.name,
                incarnation=source.incarnation,
                rereadable=True,
                partitions=1,
                first_lumisection=source.first_lumisection,
                run_type=source.run_type,
            )
            self._board.take(begun, From(self._now))

    def know(self, found: Sequence[Conditions]) -> None:
        """What analyses say of an LS goes for what is not known better."""
        for one in found:
            self._known.setdefault(one.lumisection, one)

    def judge(self, number: int, contents: Contents) -> list[QualityReports]:
        """Reports of all scopes that an LS of a workspace leads to."""
        layout = contents.layout
        self._offset += 1
        piece = HistogramSet(
            set=self._set,
            run=self._run,
            lumisection=number,
            segment=0,
            workspace=layout.workspace,
            partition=0,
            partitions=1,
            booking=layout.hash,
            through=number,
            epoch=0,
            closed=True,
            whole=True,
            writer="playback",
            account=Account(closed_by="markers"),
            cells=contents.encode(),
            scalars=contents.scalars,
            invalid=contents.invalid,
        )
        return self._comparison.apply(piece, self._offset)

    def tell(
        self, number: int, seconds: float, reports: Sequence[QualityReports]
    ) -> list[AlarmStep]:
        """Steps of alarms that come of an LS; time passes by its length."""
        self._now += round(seconds * _SECOND)
        for one in reports:
            self._board.take(one, From(self._now))
        self._board.settle(self._now)
        steps = [
            step for state in self._board.register.kept(step=1, positions={}) for step in state.made
        ]
        steps.sort(key=lambda step: (step.when, step.alarm, step.number))
        return [
            AlarmStep(lumisection=number, alarm=s.alarm, event=s.event, after=s.after)
            for s in steps
        ]
