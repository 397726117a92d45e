"""How far an analyser is and what it has counted: for heartbeats and metrics."""

from collections import Counter
from dataclasses import dataclass, field

from dqmstream.analyses.analysed import Analysed
from dqmstream.transport.record import TopicPartition
from services.monitoring.durations import Durations

__all__ = ["AnalyserProgress"]


@dataclass(slots=True)
class AnalyserProgress:
    """Counts since start, and what is held now.

    `analysed` are LSs, `failed` counts by workspace those of which its analysis threw or lacked a
    column, `thinned` those of which it was given only a part of the events. `lost` are LSs that are
    never analysed, as a partition forgot them before they closed there, `expired` records that
    retention took unread: LSs may be in them that nobody knows of. `refused` counts
    records that were not folded, by reason: fillers put them on the dead topic. `analysing` is the
    time that all analyses of an LS took, `event_to_analysed` that from the log's taking its newest
    chunk to its sets being acknowledged. `held` are LSs in memory.
    """

    records: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    analysed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    thinned: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    expired: int = 0
    published: int = 0
    conditions: int = 0
    failures: int = 0
    analysing: Durations = field(default_factory=Durations)
    event_to_analysed: Durations = field(default_factory=Durations)
    held: int = 0
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None

    def note(self, analysed: Analysed, *, seconds: float, messages: int, now: int) -> None:
        """An LS is in the log, `now` (wall clock in nanoseconds).

        Parameters
        ----------
        seconds
            That its analyses took.
        messages
            As which its sets were sent.
        """
        self.run, self.lumisection = analysed.lumisection
        self.analysed += 1
        self.failed.update(analysed.failed.keys())
        self.thinned.update(analysed.fractions.keys())
        self.published += messages
        self.analysing.note(seconds)
        heard = max((one.heard for one in analysed.sets), default=0)
        if heard:
            self.event_to_analysed.note((now - heard) / 1e9)
