"""How far a gateway is, for its heartbeat."""

from dataclasses import dataclass, field

from dqmstream.transport.record import TopicPartition

__all__ = ["GatewayProgress"]


@dataclass(slots=True)
class GatewayProgress:
    """Counts since start; `positions` are in offsets, `clients` those connected now."""

    records: int = 0
    rejected: int = 0
    clients: int = 0
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None
