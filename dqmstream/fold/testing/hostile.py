"""Records that nobody should send, drawn at random: the fold must survive them and stay exact."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import msgspec

from dqmstream.fold.testing.plan import Plan
from dqmstream.fold.testing.toy import toy_body
from dqmstream.identity import event_partition
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import (
    Chunk,
    EventBatch,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
)
from dqmstream.messages.operations import Conditions
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC, Wired

__all__ = ["hostile_record"]


def hostile_record(rng: Random, plan: Plan, partition: int, said: Sequence[Message]) -> Wired:
    """One bad record for a partition on which `said` was said before."""
    batches = [message for message in said if isinstance(message, EventBatch)]
    markers = [message for message in said if isinstance(message, LumisectionEnd)]
    draw = rng.choice(_ANY)
    if batches and rng.random() < 0.5:
        # Where the first one may never be folded, the other body of its id is as good as any.
        first = plan.faults & {"deadly", "expires"}
        twist = rng.choice(_BATCHES[1:] if first else _BATCHES)
        return CODEC.encode(twist(rng, plan, rng.choice(batches)))
    if markers and rng.random() < 0.3:
        marker = rng.choice(markers)
        return CODEC.encode(msgspec.structs.replace(marker, chunks=rng.choice([-1, 0, 1, 1 << 60])))
    return draw(rng, plan, partition)


def _other_body(_rng: Random, _plan: Plan, batch: EventBatch) -> EventBatch:
    """The id of a chunk that came before, with other contents."""
    events = [7] * (batch.chunk.selected + 1)
    body = toy_body(events)
    chunk = msgspec.structs.replace(
        batch.chunk, selected=len(events), seen=len(events), checksum=body_checksum(body)
    )
    return EventBatch(chunk=chunk, body=body)


def _numbered(rng: Random, _plan: Plan, batch: EventBatch) -> EventBatch:
    """Beyond the marker, beyond all limits, or before the first."""
    number = rng.choice([-1, 40, 1 << 30, 10**40])
    return EventBatch(chunk=msgspec.structs.replace(batch.chunk, number=number), body=batch.body)


def _counted(rng: Random, _plan: Plan, batch: EventBatch) -> EventBatch:
    changes = rng.choice([{"seen": -1}, {"selected": 10**30}, {"dropped": -5}, {"seen": 10**30}])
    chunk = msgspec.structs.replace(batch.chunk, number=batch.chunk.number, **changes)
    return EventBatch(chunk=chunk, body=batch.body)


def _misrouted(_rng: Random, plan: Plan, batch: EventBatch) -> EventBatch:
    chunk = msgspec.structs.replace(batch.chunk, partitions=plan.partitions + 1)
    return EventBatch(chunk=chunk, body=batch.body)


def _elsewhere(rng: Random, _plan: Plan, batch: EventBatch) -> EventBatch:
    """An LS or run out of this world; bodies stay good."""
    changes = rng.choice([{"lumisection": 0}, {"lumisection": 5000}, {"run": 0}, {"run": 1 << 40}])
    return EventBatch(chunk=msgspec.structs.replace(batch.chunk, **changes), body=batch.body)


def _ghost(rng: Random, plan: Plan, partition: int) -> Wired:
    """A chunk of a source nobody knows, for an LS that may be far ahead."""
    numbers = [n for n in range(8) if event_partition("ghost", n, plan.partitions) == partition]
    body = toy_body([3])
    chunk = Chunk(
        run=1,
        lumisection=rng.randint(1, 8),
        source="ghost",
        incarnation=rng.choice("xy"),
        rereadable=False,
        number=rng.choice(numbers),
        partitions=plan.partitions,
        seen=1,
        selected=1,
        dropped=0,
        checksum=body_checksum(body),
    )
    return CODEC.encode(EventBatch(chunk=chunk, body=body))


def _decision(rng: Random, _plan: Plan, _partition: int) -> Wired:
    """A decision that no closer made."""
    lowest = rng.randint(-1, 6)
    decisions: list[Message] = [
        LumisectionOpen(run=1, lowest=lowest, highest=lowest + rng.choice([-2, 0, 3, 1 << 50])),
        LumisectionClose(run=1, lumisection=rng.randint(0, 6), segment=rng.randint(-1, 2)),
        RunClose(run=rng.randint(0, 3)),
    ]
    return CODEC.encode(rng.choice(decisions))


def _garbage(rng: Random, _plan: Plan, _partition: int) -> Wired:
    """Bytes that are no message."""
    good = CODEC.encode(RunClose(run=1))
    return rng.choice(
        [
            Wired((), b""),
            Wired((("type", b"Sesame"), ("schema", b"1")), b"open"),
            Wired((("type", b"RunClose"), ("schema", b"9")), good.value),
            Wired((("type", b"EventBatch"), ("schema", b"2")), b""),
            Wired((("type", b"EventBatch"), ("schema", b"1")), b""),
            Wired(good.headers, good.value[:-1]),
            Wired(good.headers, b"\xc1" * 20),
            CODEC.encode(Conditions(run=1, lumisection=1)),
        ]
    )


_BATCHES: Final[Sequence[Callable[[Random, Plan, EventBatch], EventBatch]]] = (
    _other_body,
    _numbered,
    _counted,
    _misrouted,
    _elsewhere,
)
_ANY: Final[Sequence[Callable[[Random, Plan, int], Wired]]] = (_ghost, _decision, _garbage)
