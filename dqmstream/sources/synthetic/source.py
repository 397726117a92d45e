"""The synthetic detector as a source of events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dqmstream.booking.columns import encode_batch
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.sources.synthetic.detector import SyntheticDetector

__all__ = ["SyntheticSource"]


class SyntheticSource:
    """A synthetic run as an `EventSource`; re-readable, since equal settings give equal events.

    Parameters
    ----------
    detector
        What makes the events.
    live_as
        The incarnation, drawn at random at each start, of a source that behaves as a detector
        does: what is not taken when it comes is gone. Empty for a re-readable source.
    first_lumisection
        Where it joins the run.
    """

    name = "synthetic"
    run_type = "pp_run"
    marks = ("simulated",)

    def __init__(
        self, detector: SyntheticDetector, *, live_as: str = "", first_lumisection: int = 1
    ) -> None:
        self._detector = detector
        self.run = detector.config.run
        self.rereadable = not live_as
        self.incarnation = live_as or detector.config_hash()
        self.first_lumisection = first_lumisection

    def joining(self, lumisection: int) -> "SyntheticSource":
        """The same source, which joins the run at this LS."""
        return SyntheticSource(
            self._detector,
            live_as="" if self.rereadable else self.incarnation,
            first_lumisection=lumisection,
        )

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        return self._detector.labels

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        first = max(after + 1, self.first_lumisection)
        last = self._detector.config.lumisections
        return (_Lumisection(self._detector, number) for number in range(first, last + 1))


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
                at=self.seconds * last / max(config.events_in(self.lumisection), 1),
            )

    def notes(self) -> Mapping[str, int]:
        return {}
