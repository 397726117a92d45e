"""What travels on `dqm.events`: chunks of events and the control records between them.

Headers of a chunk are readable when its body is not. A chunk's body is one Arrow IPC stream with
one record batch (see `dqmstream.booking.columns`); its identity is
(run, lumisection, source, incarnation, number).
"""

from typing import Annotated, ClassVar, Final

import msgspec

from dqmstream.messages.struct import Message, Value

__all__ = [
    "MARKS",
    "Chunk",
    "EventBatch",
    "LumisectionClose",
    "LumisectionEnd",
    "LumisectionOpen",
    "RunClose",
    "RunEnd",
    "RunStart",
]


MARKS: Final = {
    "simulated": "made by a program, not taken by a detector",
    "re-timed": "real events under a run, lumisections or times that are not their own",
    "lumisections-assigned": "the input names no lumisections: they were assigned by a rule",
    "imported": "histograms that were filled elsewhere",
    "altered": "real data in which something was changed, such as faults put in by hand",
    "selected": "only a part of the events was taken: by trigger paths, or by a prescale",
}
"""What data may be marked with, and what it means."""

Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""Headers are text, which has no width of its own: what is not an int64 is refused."""


class Chunk(Value, frozen=True, kw_only=True):
    """Headers of one EventBatch.

    `seen` counts the events the source read for this chunk, `selected` those in its body,
    `dropped` those it lost knowingly; `checksum` is the CRC-32 of the body.
    """

    run: Int64
    lumisection: Int64
    source: str
    incarnation: str
    rereadable: bool
    number: Int64
    partitions: Int64
    seen: Int64
    selected: Int64
    dropped: Int64
    checksum: Int64


class EventBatch(Message, frozen=True, kw_only=True, tag=True):
    """One chunk: headers and Arrow IPC body. On the wire the body is the record's value."""

    chunk: Chunk
    body: bytes


class _FromSource(Message, frozen=True, kw_only=True):
    run: int
    source: str
    incarnation: str
    rereadable: bool
    partitions: int


class RunStart(_FromSource, frozen=True, kw_only=True, tag=True):
    """A source begins a run; sent on every partition.

    `expected` names the sources the run waits for; `replaces` the incarnation that this live one
    takes over from. `labels` maps column names to labels a reader may show (HLT path names).
    `marks` say what about the data is not as a detector took it (`MARKS`), to be shown wherever
    they are.
    """

    version: ClassVar[int] = 2

    first_lumisection: int
    run_type: str = "pp_run"
    expected: tuple[str, ...] = ()
    replaces: str = ""
    labels: dict[str, tuple[str, ...]] = {}
    marks: tuple[str, ...] = ()
    started: int = 0
    """Wall clock of the source, nanoseconds since 1970; display only."""


class LumisectionEnd(_FromSource, frozen=True, kw_only=True, tag=True):
    """A source has sent all chunks of one LS; sent on every partition, counted once.

    `chunks` is the number of chunks on all partitions together (0 is valid). `notes` counts by
    reason what the source could not use (`truncated`, `checksum`, ...), for display.
    """

    lumisection: int
    chunks: int
    seen: int
    selected: int
    dropped: int
    notes: dict[str, int] = {}


class RunEnd(_FromSource, frozen=True, kw_only=True, tag=True):
    """A source has ended its run after `last_lumisection`; sent on every partition."""

    last_lumisection: int


class LumisectionOpen(Message, frozen=True, kw_only=True, tag=True):
    """A decision: all LSs from `lowest` to `highest` of a run are open from here on."""

    run: int
    lowest: int
    highest: int


class LumisectionClose(Message, frozen=True, kw_only=True, tag=True):
    """A decision: close this segment of this LS, whoever has not spoken."""

    run: int
    lumisection: int
    segment: int
    why: str = "timeout"


class RunClose(Message, frozen=True, kw_only=True, tag=True):
    """A decision: this run is over on this partition."""

    run: int
    why: str = "timeout"
