"""The display service on a log: what it shows, what it leaves, and what cannot stop it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import SystemClock
from dqmstream.displays.columns import DISPLAY_COLUMNS
from dqmstream.displays.sampler import Sampler, SamplerSettings
from dqmstream.errors import ConfigurationError
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.display import EventDisplay
from dqmstream.messages.events import Chunk, EventBatch, RunStart
from dqmstream.messages.topics import CONDITIONS, DISPLAYS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.announced import drawn_columns
from services.display.service import DisplayProgress, run_display
from services.processes.display import display
from services.settings import Settings
from tests.filled import make_topics

RUN = 346373
MENU = ("HLT_ZeroBias", "HLT_IsoMu24")


def batch(first: int, events: int = 3, *, source: str = "file", tracks: bool = True) -> EventBatch:
    """A chunk whose events have one track more each, and pass the second path."""
    columns: dict[str, Any] = {"event": pa.array(np.arange(first, first + events, dtype=np.uint64))}
    kind = pa.struct([pa.field("path", pa.int16(), nullable=False)])
    columns["hlt_pass"] = pa.array(
        [[{"path": 1}]] * events, pa.list_(pa.field("item", kind, nullable=False))
    )
    if tracks:
        names = ("pt", "eta", "phi")
        fields = [pa.field(name, pa.float32(), nullable=False) for name in names]
        rows = [[dict.fromkeys(names, 1.0)] * (i + 1) for i in range(events)]
        columns["tracks"] = pa.array(
            rows, pa.list_(pa.field("item", pa.struct(fields), nullable=False))
        )
    schema = pa.schema([pa.field(n, c.type, nullable=False) for n, c in columns.items()])
    body = encode_batch(pa.record_batch(list(columns.values()), schema=schema))
    chunk = Chunk(
        run=RUN,
        lumisection=1,
        source=source,
        incarnation="1",
        rereadable=True,
        number=first,
        partitions=2,
        seen=events,
        selected=events,
        dropped=0,
        checksum=body_checksum(body),
    )
    return EventBatch(chunk=chunk, body=body)


START = RunStart(
    run=RUN,
    source="file",
    incarnation="1",
    rereadable=True,
    partitions=2,
    first_lumisection=1,
    labels={"hlt_pass.path": MENU},
    marks=("re-timed",),
)


@asynccontextmanager
async def showing(
    *, rate: float = 200.0, rules: tuple[str, ...] = ("every:1",), before: Any = ()
) -> AsyncIterator[tuple[MemoryLog, DisplayProgress]]:
    """A display service that is ready, on a log that holds some records already."""
    log, progress, ready = MemoryLog(SystemClock()), DisplayProgress(), asyncio.Event()
    await make_topics(log, 2)
    for topic, message in before:
        await log.send([outgoing(topic, 0, message)])
    async with asyncio.TaskGroup() as tasks:
        sampler = Sampler(SamplerSettings(rate=rate, rules=rules))
        running = run_display(log, sampler, clock=SystemClock(), ready=ready.set, progress=progress)
        task = tasks.create_task(running)
        await ready.wait()
        yield log, progress
        task.cancel()


async def shown(log: MemoryLog, enough: Callable[[list[EventDisplay]], bool]) -> list[EventDisplay]:
    """What is on the topic once it is enough."""
    while True:
        found = []
        async for record in read_to_end(log, DISPLAYS):
            message = CODEC.decode(record.headers, record.value)
            assert isinstance(message, EventDisplay)
            found.append(message)
        if enough(found):
            return found
        await asyncio.sleep(0.01)


async def refused(progress: DisplayProgress, many: int) -> None:
    """Wait until so many records were refused."""
    while sum(progress.refused.values()) < many:  # noqa: ASYNC110 counts tell nobody
        await asyncio.sleep(0.01)


async def test_events_of_what_comes_are_shown_with_the_names_of_their_paths() -> None:
    async with showing(before=[(CONDITIONS, START)]) as (log, progress):
        await log.send([outgoing(EVENTS, 1, batch(100))])
        found = await shown(log, lambda them: len(them) == 3)
    assert [one.event for one in found] == [100, 101, 102]
    assert [one.layers[0].total for one in found] == [1, 2, 3]
    assert {one.paths for one in found} == {("HLT_IsoMu24",)}
    assert {one.marks for one in found} == {("re-timed",)}
    assert (progress.shown, progress.run, progress.lumisection) == ({"every:1": 3}, RUN, 1)


async def test_a_run_that_begins_while_it_runs_has_names_too() -> None:
    async with showing(rules=("path:HLT_IsoMu*",)) as (log, _):
        await log.send([outgoing(EVENTS, 0, START), outgoing(EVENTS, 0, batch(7, 1))])
        (one,) = await shown(log, lambda them: len(them) == 1)
    assert (one.event, one.why) == (7, "passed HLT_IsoMu24")


async def test_what_was_there_before_it_began_is_not_shown() -> None:
    async with showing(before=[(EVENTS, batch(1))]) as (log, _):
        await log.send([outgoing(EVENTS, 0, batch(500, 1))])
        found = await shown(log, bool)
    assert [one.event for one in found] == [500]


async def test_what_it_cannot_use_is_counted_and_the_next_chunk_shown() -> None:
    broken = CODEC.encode(batch(1))
    damaged = outgoing(EVENTS, 0, batch(2))
    sick = [
        type(damaged)(topic=EVENTS, partition=0, headers=broken.headers, value=b"not Arrow"),
        type(damaged)(topic=EVENTS, partition=0, headers=(), value=b"nothing"),
        type(damaged)(topic=CONDITIONS, partition=0, headers=(("type", b"RunStart"),), value=b"x"),
    ]
    async with showing() as (log, progress):
        await log.send(sick)
        await refused(progress, 3)
        await log.send([outgoing(EVENTS, 0, batch(10, 1))])
        found = await shown(log, bool)
    assert [one.event for one in found] == [10]
    assert progress.refused == {"checksum": 1, "no_type": 1, "bad_schema": 1}


async def test_a_source_without_anything_to_draw_does_not_hide_the_others() -> None:
    async with showing() as (log, progress):
        await log.send([outgoing(EVENTS, 0, batch(1, 1, source="dull", tracks=False))])
        while not progress.looks:  # noqa: ASYNC110 as above
            await asyncio.sleep(0.01)
        await log.send([outgoing(EVENTS, 1, batch(2, 1))])
        await shown(log, bool)
        looks = progress.looks
        await log.send([outgoing(EVENTS, 0, batch(3, 1, source="dull", tracks=False))])
        await log.send([outgoing(EVENTS, 1, batch(4, 1))])
        found = await shown(log, lambda them: len(them) == 2)
    assert [one.event for one in found] == [2, 4]
    assert progress.looks == looks + 1


async def test_left_far_behind_it_goes_on_with_what_is_newest() -> None:
    """At few events a second nothing but the newest would be of interest."""
    async with showing(rate=5.0) as (log, progress):
        await log.send([outgoing(EVENTS, 0, batch(1, 1))])
        await shown(log, bool)
        await log.send([outgoing(EVENTS, 0, batch(n, 1)) for n in range(2, 302)])
        found = await shown(log, lambda them: them[-1].event == 301)
    # A read that was waiting when they came has the first of them.
    assert len(found) <= 3
    assert progress.left >= 300 - 64 - 16
    assert progress.records < 100


async def test_an_event_that_crashes_the_picking_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = Sampler.take

    def crash(self: Sampler, chunk: Chunk, *args: Any, **given: Any) -> bool:
        if chunk.number == 1:
            msg = "never thought of"
            raise ZeroDivisionError(msg)
        return taken(self, chunk, *args, **given)

    monkeypatch.setattr(Sampler, "take", crash)
    async with showing() as (log, progress):
        await log.send([outgoing(EVENTS, 0, batch(1, 1))])
        await refused(progress, 1)
        await log.send([outgoing(EVENTS, 0, batch(2, 1))])
        found = await shown(log, bool)
    assert [one.event for one in found] == [2]
    assert progress.refused == {"crashed": 1}


def test_a_rule_that_is_none_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="expected every:N"):
        display(Settings(display_rules=("sometimes",)))


def test_columns_are_asked_for_where_something_can_be_drawn_and_displays_are_on() -> None:
    columns = {"event", "time", "host", "tracks.pt", "tracks.eta", "tracks.chi2"}
    drawn = {"event", "time", "tracks.pt", "tracks.eta"}
    assert drawn_columns(Settings(), columns) == drawn
    assert drawn_columns(Settings(), DISPLAY_COLUMNS) == DISPLAY_COLUMNS
    assert drawn_columns(Settings(), {"event", "time", "host"}) == set()
    assert drawn_columns(Settings(display=False), columns) == set()
