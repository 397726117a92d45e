"""How much a producer holds and sends at once, and how far it runs ahead."""

from dataclasses import dataclass, fields

from dqmstream.errors import ConfigurationError

__all__ = ["ProducerSettings", "lumisections_apart"]


def lumisections_apart(max_open: int) -> int:
    """How many LSs sources of a run may be apart: less than half of those a filler keeps open."""
    return (max_open - 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ProducerSettings:
    """Pace of a producer; none of it changes what the chunks of a re-readable source are.

    Parameters
    ----------
    batch_bytes
        Most bytes sent in one call of the log.
    in_flight_bytes, in_flight_batches
        Most that is sent and not acknowledged yet.
    read_ahead_bytes
        Bytes a re-readable source is read ahead, what is in flight included; then it waits.
    buffer_bytes, buffer_seconds
        Bytes a live source may have waiting, what is in flight included, and how long the oldest
        of them may have waited; beyond either its chunks are dropped and counted.
    apart
        How many LSs this source may be ahead of the slowest source of its run, and of its own
        last acknowledged LS (see `lumisections_apart`).
    patience
        Seconds without a word of another source of the run after which it is not waited for.
    retry_first, retry_most
        Seconds until an unacknowledged batch is sent again: at first, and after many times.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    batch_bytes: int = 4 << 20
    in_flight_bytes: int = 16 << 20
    in_flight_batches: int = 8
    read_ahead_bytes: int = 32 << 20
    buffer_bytes: int = 256 << 20
    buffer_seconds: float = 60.0
    apart: int = 3
    patience: float = 60.0
    retry_first: float = 0.1
    retry_most: float = 5.0

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value, least = getattr(self, name), 0 if name == "apart" else 1e-6
            if not least <= value < float("inf"):
                msg = f"producer: {name} is {value}, expected a number above 0"
                raise ConfigurationError(msg)
