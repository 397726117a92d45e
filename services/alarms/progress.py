"""What a service of alarms has done, for heartbeats and metrics."""

from collections import Counter
from dataclasses import dataclass, field

from dqmstream.transport.log import TopicPartition

__all__ = ["AlarmsProgress"]


@dataclass(slots=True)
class AlarmsProgress:
    """Counts since start, and how many alarms there are now.

    `refused` counts records that could not be used, by reason; `disobeyed` commands that were not
    followed; `transitions` steps made, by event; `states` alarms by what is displayed. `steps` are
    the times that anything was written, `repeated` transitions told again after a restart. `leads`
    is 1 in the process that works, 0 in one that stands by; `turns` the times it looked at the
    clock; `rules` is the number of the version of alarm rules in force,
    `flood` 1 while there is one, `lag` in offsets.
    """

    records: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    disobeyed: int = 0
    transitions: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    repeated: int = 0
    leads: int = 0
    turns: int = 0
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    rules: int = 0
    flood: int = 0
    lag: dict[TopicPartition, int] = field(default_factory=dict)
