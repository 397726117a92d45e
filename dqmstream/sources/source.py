"""The port of all event sources: a run, its LSs, and chunks of encoded columns.

A source is read in a worker thread, so it may block and compute; it keeps at most one chunk in
memory at a time.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol, runtime_checkable

import msgspec

__all__ = ["ColumnSource", "EventSource", "JoiningSource", "SourceChunk", "SourceLumisection"]


class SourceChunk(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk: an Arrow IPC stream with `selected` events, out of `seen` that were read.

    `at` is the event time of its last event in seconds since the start of the LS: playing in
    real time sends it then.
    """

    body: bytes
    seen: int
    selected: int
    dropped: int = 0
    at: float = 0.0


class SourceLumisection(Protocol):
    """One LS of a source."""

    @property
    def lumisection(self) -> int: ...

    @property
    def seconds(self) -> float:
        """Length of the LS in seconds of data taking."""
        ...

    def chunks(self) -> Iterator[SourceChunk]:
        """Chunks in the order that numbers them; cut by settings alone."""
        ...

    def notes(self) -> Mapping[str, int]:
        """What could not be used, counted by reason; known once the chunks are exhausted."""
        ...


class EventSource(Protocol):
    """One source in one run.

    `name` is stable; `incarnation` is the hash of what is read and how it is chunked if the source
    is `rereadable`, else drawn at each start.
    """

    @property
    def name(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def incarnation(self) -> str: ...
    @property
    def rereadable(self) -> bool: ...
    @property
    def run_type(self) -> str: ...
    @property
    def first_lumisection(self) -> int: ...
    @property
    def marks(self) -> tuple[str, ...]:
        """What about the data is not as a detector took it: words of `messages.events.MARKS`."""
        ...

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Names for integer axes that readers may show, for example of HLT paths."""
        ...

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """All LSs later than `after`, in rising order; holes come as LSs without chunks."""
        ...


@runtime_checkable
class JoiningSource(EventSource, Protocol):
    """A source that is told where it joins the run, for it cannot know itself."""

    def joining(self, lumisection: int) -> EventSource:
        """The source from this LS on."""
        ...


@runtime_checkable
class ColumnSource(EventSource, Protocol):
    """A source whose input may have more columns than anybody reads."""

    def reading(self, columns: Collection[str]) -> EventSource:
        """The source that sends only these, as `required_columns` names them, where it has them."""
        ...
