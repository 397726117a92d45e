"""The port of all event sources: a run, its LSs, and chunks of encoded columns.

A source is read in a worker thread, so it may block and compute; it keeps at most one chunk in
memory at a time.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol, runtime_checkable

import msgspec

from dqmstream.sources.decisions import Decisions

__all__ = [
    "AwaitedSource",
    "ColumnSource",
    "EventSource",
    "JoiningSource",
    "SourceChunk",
    "SourceLumisection",
]


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

    def reading(self, columns: Collection[str], offered: Collection[str] = ()) -> EventSource:
        """The source that sends only these, as `required_columns` names them, where it has them.

        `offered` are those that any source of the run has: of what another sends the source may
        say so, as `dqmstream.booking.absence` describes.
        """
        ...


@runtime_checkable
class AwaitedSource(EventSource, Protocol):
    """A re-readable source whose input comes while it is read, so that its LSs are awaited.

    It decides what each LS is made of; its producer notes the decisions before they are acted on.
    All but `chunks` of its LSs runs on the event loop, and must not block.
    """

    @property
    def decisions(self) -> Decisions:
        """All decisions so far, in effect or about to be noted."""
        ...

    def resume(self, decisions: Decisions, after: int) -> None:
        """Before anything else: what was decided in an earlier life, which got to LS `after`."""
        ...

    async def next_lumisection(self) -> SourceLumisection | None:
        """The next LS, to be read once `decisions` are noted; None at the end of the run."""
        ...

    def acknowledged(self, lumisection: int) -> None:
        """The log has all of the LSs up to this one."""
        ...

    def least_chunks(self, lumisection: int) -> int:
        """Chunks that an earlier life may have sent of an LS that cannot be read again.

        Its LumisectionEnd announces so many, so that nobody takes the LS for complete.
        """
        ...
