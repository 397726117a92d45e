"""The synthetic detector as a source of events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dqmstream.booking.columns import encode_batch
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.sources.synthetic.detector import SyntheticDetector

__all__ = ["SyntheticSource"]


class SyntheticSource:
    """A synthetic run as an `EventSource`; re-readable, since equal settings give equal events."""

    name = "synthetic"
    rereadable = True
    run_type = "pp_run"
    first_lumisection = 1

    def __init__(self, detector: SyntheticDetector) -> None:
        self._detector = detector
        self.run = detector.config.run
        self.incarnation = detector.config_hash()

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        return self._detector.labels

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        last = self._detector.config.lumisections
        return (_Lumisection(self._detector, number) for number in range(after + 1, last + 1))


@dataclass(frozen=True, slots=True)
class _Lumisection:
    detector: SyntheticDetector
    lumisection: int

    @property
    def seconds(self) -> float:
        return self.detector.config.lumisection_seconds

    def chunks(self) -> Iterator[SourceChunk]:
        config = self.detector.config
        for chunk in self.detector.chunks(self.lumisection):
            events = chunk.batch.num_rows
            last = chunk.number * config.chunk_events + events
            yield SourceChunk(
                body=encode_batch(chunk.batch),
                seen=events,
                selected=events,
                at=self.seconds * last / max(config.events, 1),
            )

    def notes(self) -> Mapping[str, int]:
        return {}
