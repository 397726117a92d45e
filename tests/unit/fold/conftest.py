"""One partition to talk to: records are encoded, given offsets and folded at once."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dqmstream.fold.effects import Closed
from dqmstream.fold.partition import Applied, PartitionFold
from dqmstream.fold.run_state import RunState
from dqmstream.fold.segment import Segment
from dqmstream.fold.sets import histogram_sets
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import toy_body, toy_columns, toy_fillers
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC, Wired


class Line:
    """A partition with its fold. Sources are live unless said otherwise."""

    def __init__(self, fold: PartitionFold[Any] | None = None, **settings: Any) -> None:
        self.settings = FoldSettings(**{"partitions": 1, "max_jump": 20} | settings)
        self.fold = fold or PartitionFold(0, self.settings, toy_fillers(), toy_columns)
        self.log: list[Entry] = []

    @property
    def state(self) -> ControlState:
        return self.fold.control.state

    @property
    def run(self) -> RunState:
        self.state.thaw(1)
        return self.state.runs[1]

    def put(self, message: Message | Wired) -> Applied:
        wired = CODEC.encode(message) if isinstance(message, Message) else message
        entry = Entry(self.fold.position, wired.headers, wired.value, None, honest=True)
        self.log.append(entry)
        return self.fold.apply(entry)

    def speaker(self, source: str, **changes: Any) -> dict[str, Any]:
        return {
            "run": 1,
            "source": source,
            "incarnation": "i",
            "rereadable": False,
            "partitions": self.settings.partitions,
        } | changes

    def start(self, source: str = "a", first: int = 1, **changes: Any) -> Applied:
        return self.put(RunStart(**self.speaker(source, first_lumisection=first, **changes)))

    def end(self, source: str = "a", last: int = 9, **changes: Any) -> Applied:
        return self.put(RunEnd(**self.speaker(source, last_lumisection=last, **changes)))

    def marker(self, lumisection: int, chunks: int = 0, source: str = "a", **more: Any) -> Applied:
        counts = {"lumisection": lumisection, "chunks": chunks}
        zeros = {"seen": 0, "selected": 0, "dropped": 0}
        return self.put(LumisectionEnd(**self.speaker(source, **zeros | counts | more)))

    def batch(
        self, lumisection: int, number: int = 0, source: str = "a", **changes: Any
    ) -> EventBatch:
        body = changes.pop("body", toy_body(changes.pop("events", [1])))
        values = {
            "lumisection": lumisection,
            "number": number,
            "seen": len(body) // 2,
            "selected": len(body) // 2,
            "dropped": 0,
            "checksum": body_checksum(body),
        }
        return EventBatch(chunk=Chunk(**self.speaker(source, **values | changes)), body=body)

    def chunk(self, lumisection: int, number: int = 0, source: str = "a", **more: Any) -> Applied:
        return self.put(self.batch(lumisection, number, source, **more))

    def segment(self, lumisection: int, segment: int = 0) -> Segment:
        return self.fold.segments[(1, lumisection, segment)]  # type: ignore[index]

    def sets(self, lumisection: int, segment: int = 0, **changes: Any) -> list[HistogramSet]:
        named = {"set_hash": "set", "writer": "w"} | changes
        return histogram_sets(self.fold, self.segment(lumisection, segment), **named)

    def missing(self, lumisection: int) -> tuple[str, ...]:
        return self.segment(lumisection).ledger.account().missing


def closings(applied: Applied) -> Sequence[tuple[int, int, str]]:
    """(LS, segment, why) of what a record closed."""
    return [
        (effect.segment.lumisection, effect.segment.segment, effect.why)
        for effect in applied.effects
        if isinstance(effect, Closed)
    ]


@pytest.fixture
def line() -> Line:
    """A partition of one."""
    return Line()


@pytest.fixture
def new_line() -> Callable[..., Line]:
    """Partitions with settings, or over a fold of one's own."""
    return Line


@pytest.fixture
def closed() -> Callable[[Applied], Sequence[tuple[int, int, str]]]:
    """(LS, segment, why) of what a record closed."""
    return closings
