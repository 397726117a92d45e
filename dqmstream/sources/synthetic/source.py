"""The synthetic detector as a source of events, or as several that share them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dqmstream.booking.columns import encode_batch
from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.faults import SourceTroubles

__all__ = ["Part", "SyntheticSource"]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a run that one of `of` sources has: every `of`-th chunk, from `number` on.

    So builder units of an experiment share its events. Together the sources have each event once,
    whatever their number.
    """

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            msg = f"part {self.number} of {self.of}: expected a number from 0 to {self.of - 1}"
            raise ConfigurationError(msg)


_WHOLE: Final = Part()
_NO_TROUBLES: Final = SourceTroubles()


class SyntheticSource:
    """A synthetic run as an `EventSource`; re-readable, since equal settings give equal events.

    Parameters
    ----------
    detector
        What makes the events.
    name
        Of the source.
    part
        Which of the events it has.
    troubles
        What is wrong with it. It sends no LS after the last that these leave it, and its events
        come late by as much; for the rest see `dqmstream.producing.disturbed`.
    live_as
        The incarnation, drawn at random at each start, of a source that behaves as a detector
        does: what is not taken when it comes is gone. Empty for a re-readable source.
    first_lumisection
        Where it joins the run.
    """

    run_type = "pp_run"
    marks = ("simulated",)

    def __init__(
        self,
        detector: SyntheticDetector,
        *,
        name: str = "synthetic",
        part: Part = _WHOLE,
        troubles: SourceTroubles = _NO_TROUBLES,
        live_as: str = "",
        first_lumisection: int = 1,
    ) -> None:
        self._detector = detector
        self._part = part
        self.name = name
        self.troubles = troubles
        self.run = detector.config.run
        self.rereadable = not live_as
        made = detector.config_hash()
        if part.of > 1:
            made = content_hash([made, part.number, part.of])
        self.incarnation = live_as or made
        self.first_lumisection = first_lumisection

    def joining(self, lumisection: int) -> "SyntheticSource":
        """The same source, which joins the run at this LS."""
        return SyntheticSource(
            self._detector,
            name=self.name,
            part=self._part,
            troubles=self.troubles,
            live_as="" if self.rereadable else self.incarnation,
            first_lumisection=lumisection,
        )

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        return self._detector.labels

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        first = max(after + 1, self.first_lumisection)
        last = self.troubles.last(self._detector.config.lumisections)
        return (
            _Lumisection(self._detector, self._part, self.troubles.delay(number), number)
            for number in range(first, last + 1)
        )


@dataclass(frozen=True, slots=True)
class _Lumisection:
    detector: SyntheticDetector
    part: Part
    delay: int
    lumisection: int

    @property
    def seconds(self) -> float:
        return self.detector.config.lumisection_seconds

    def chunks(self) -> Iterator[SourceChunk]:
        config = self.detector.config
        all_events = config.events_in(self.lumisection)
        for number in range(self.part.number, config.chunks_in(self.lumisection), self.part.of):
            chunk = self.detector.chunk(self.lumisection, number)
            events = chunk.batch.num_rows
            last = number * config.chunk_events + events
            yield SourceChunk(
                body=encode_batch(chunk.batch),
                seen=events,
                selected=events,
                at=self.seconds * (self.delay + last / max(all_events, 1)),
            )

    def notes(self) -> Mapping[str, int]:
        return {}
