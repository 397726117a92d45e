"""What the recorder has counted, and how far it is: for heartbeats and metrics."""

from dataclasses import dataclass, field

from dqmstream.transport.log import TopicPartition
from services.monitoring.durations import Durations

__all__ = ["RecorderProgress"]


@dataclass(slots=True)
class RecorderProgress:
    """Counts since start, for heartbeats and metrics.

    `refused` records stand on the dead topics; `expired` counts offsets that the log no longer
    had; `failures` are tries that the store or the log refused; `waiting` counts newer contents of
    stored LSs that wait for those of other partitions; `writing` is the time a batch took;
    `positions` and `lag` are in offsets.
    """

    records: int = 0
    closed: int = 0
    refused: int = 0
    expired: int = 0
    failures: int = 0
    waiting: int = 0
    chunks: int = 0
    writing: Durations = field(default_factory=Durations)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None
