"""What a producer has done so far."""

from dataclasses import dataclass, field

__all__ = ["ProducerProgress"]


@dataclass(slots=True)
class ProducerProgress:
    """Counts since start, for heartbeats and metrics; all events are in `dqm.events` or `dropped`.

    Parameters
    ----------
    run, lumisection
        Last LS whose every record is acknowledged.
    chunks, seen, selected, bytes
        Acknowledged chunks, events they stand for and hold, bytes of their bodies.
    dropped, dropped_chunks
        Events lost knowingly, and chunks of a live source that found the buffer full.
    notes
        What could not be used, by reason.
    cut
        Chunks sent in pieces, for they were too large for one message.
    retries, resent
        Sends with an unknown outcome, and chunks sent again for it, each time.
    unavailable
        1 while the log does not take what is sent.
    buffer_bytes, buffer_high_bytes, in_flight_bytes
        What waits or is in flight now, at most since start, and what of it is in flight.
    """

    run: int | None = None
    lumisection: int | None = None
    chunks: int = 0
    seen: int = 0
    selected: int = 0
    bytes: int = 0
    dropped: int = 0
    dropped_chunks: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    cut: int = 0
    retries: int = 0
    resent: int = 0
    unavailable: int = 0
    buffer_bytes: int = 0
    buffer_high_bytes: int = 0
    in_flight_bytes: int = 0
