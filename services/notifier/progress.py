"""What a notifier has done."""

from dataclasses import dataclass, field

from dqmstream.notifications.attempt import Attempt
from dqmstream.transport.log import TopicPartition
from services.monitoring.durations import Durations

__all__ = ["NotifierProgress"]


@dataclass(slots=True)
class NotifierProgress:
    """Counts since start, for heartbeats and metrics.

    `records` of `dqm.alarms`; `delivered` and `failed` tries, `dead` deliveries, those that are
    `pending`, by receiver; `failing` receivers; `telling` is the time from a step to its delivery;
    `refused` records by reason; `routes` is the number of the version that is in force;
    `positions` and `lag` are in offsets.
    """

    records: int = 0
    delivered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    failing: int = 0
    routes: int = 0
    telling: Durations = field(default_factory=Durations)
    refused: dict[str, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None

    def tried(self, attempt: Attempt, now: int, *, delivered: bool) -> None:
        """Count a try that ended at `now`, nanoseconds since 1970."""
        counts = self.delivered if delivered else self.failed
        counts[attempt.receiver] = counts.get(attempt.receiver, 0) + 1
        if delivered:
            for each in attempt.deliveries:
                self.telling.note((now - each.step.when) / 1e9)

    def died(self, receiver: str) -> None:
        """Count a delivery that was given up."""
        self.dead[receiver] = self.dead.get(receiver, 0) + 1

    def refuse(self, reason: str) -> None:
        """Count a record that could not be used."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
