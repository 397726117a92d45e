"""Recorded, replayed and filled: the same bits at any speed, whatever is done to the stream."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.identity import content_hash
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.producing import ProducerProgress, ProducerSettings, produce
from dqmstream.producing.disturbed import produce_disturbed
from dqmstream.sources.source import EventSource
from dqmstream.transport.memory import MemoryLog
from playback.recordings import Recording, record
from playback.replaying import ChangedRun, Changes, parse_changes
from services.filler.announcing import announce
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from tests.filled import fill_to_the_end, make_topics, merged
from tests.leaping_clock import LeapingClock, fall_silent
from tests.random_run import BOOKING, RandomRun, batch_fill

LENGTH = 8
SILENCE = 1000.0
"""Seconds, which pass when a test says so."""
CHANGES = parse_changes(
    holes=["3,6"], repeated=["2-5*3"], late=["other+0.4"], renamed=["first=beam"]
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two sources of one run."""
    sources = [RandomRun(name=name, seed=5, length=LENGTH) for name in ("first", "other")]
    return record(sources, tmp_path_factory.mktemp("recorded") / "recording")


async def _replayed(
    sources: Sequence[EventSource], changes: Changes, speed: float | None, partitions: int = 3
) -> list[Merged]:
    """Closed LSs of a fresh log into which a run is played at a speed."""
    clock = SystemClock()
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=partitions))
    log = MemoryLog(clock)
    await make_topics(log, partitions)
    await announce(log, booking_set, clock=clock, who="test")
    played = [ChangedRun(source, changes, run=70) for source in sources]
    names = tuple(one.name for one in played)
    async with asyncio.TaskGroup() as tasks:
        for one in played:
            disturbed = partial(
                produce_disturbed,
                troubles=one,
                settings=ProducerSettings(),
                progress=ProducerProgress(),
            )
            send = disturbed if changes.repeated else produce
            tasks.create_task(send(log, one, clock=clock, speed=speed, expected=names))
    return await fill_to_the_end(log, booking_set, LENGTH)


def _whole(one: Merged) -> Contents:
    """Contents on time and late."""
    contents = one.contents.copy()
    if one.late is not None:
        contents.add(one.late, same_lumisection=True)
    return contents


def _digest(one: Merged) -> tuple[int, str, int, list[str]]:
    """LS, hash of its contents on time and late, events, and what it lacks."""
    return (
        one.key.lumisection,
        content_hash([_whole(one).cells.tobytes()]),
        one.account.selected,
        sorted(map(str, one.account.lacking)),
    )


@pytest.mark.integration
async def test_the_same_bits_come_out_at_any_speed_with_holes_repeats_and_late_sources(
    recording: Recording,
) -> None:
    found = {
        speed: [_digest(one) for one in await _replayed(recording.sources, CHANGES, speed)]
        for speed in (None, 1000.0, 60.0)
    }
    assert found[1000.0] == found[None]
    assert found[60.0] == found[None]


@pytest.mark.integration
async def test_holes_end_as_incomplete_and_all_else_as_a_batch_fill(recording: Recording) -> None:
    """An LS of which nobody spoke closes with the run, empty, and names who is missing."""
    found = await _replayed(recording.sources, CHANGES, None)
    sources = [RandomRun(name=name, seed=5, length=LENGTH) for name in ("first", "other")]
    assert [one.key.lumisection for one in found] == list(range(1, LENGTH + 1))
    for one in found:
        number = one.key.lumisection
        is_hole = number in {3, 6}
        assert one.key.run == 70
        assert one.complete is not is_hole
        batches = [] if is_hole else [b for source in sources for b in source.batches(number)]
        assert one.account.selected == sum(batch.num_rows for batch in batches)
        layout = BookingSet([BOOKING], FoldSettings(partitions=3)).layouts[0]
        assert batch_fill(layout, batches).equals(_whole(one))
        if is_hole:
            said = sorted(map(str, one.account.lacking))
            assert said == ["beam: never spoke", "other: never spoke"]


@pytest.mark.integration
async def test_a_replay_without_changes_fills_what_the_sources_would(
    recording: Recording,
) -> None:
    sources = [RandomRun(name=name, seed=5, length=LENGTH) for name in ("first", "other")]
    played = await _replayed(recording.sources, Changes(), None)
    straight = await _replayed(sources, Changes(), None)
    assert list(map(_digest, played)) == list(map(_digest, straight))


@pytest.mark.integration
async def test_a_source_that_comes_too_late_is_missed_by_time_out_and_counted_apart(
    recording: Recording,
) -> None:
    """LSs close without it and say so; what it sends then is shown beside them, none is lost."""
    clock, progress = LeapingClock(), FillerProgress()
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=2))
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    await announce(log, booking_set, clock=SystemClock(), who="test")
    changes = parse_changes(late=["other+45"])
    played = [ChangedRun(source, changes, run=70) for source in recording.sources]
    sources = [RandomRun(name=name, seed=5, length=LENGTH) for name in ("first", "other")]
    layout = booking_set.layouts[0]
    impatient = ProducerSettings(patience=0.2)
    names = tuple(one.name for one in played)

    async def send(name: str) -> None:
        (one,) = (one for one in played if one.name == name)
        await produce(log, one, clock=SystemClock(), settings=impatient, speed=30.0, expected=names)

    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(
            run_filler(
                log,
                booking_set,
                [WorkspaceFiller(layout)],
                decode_chunk,
                member="impatient",
                settings=FillerSettings(
                    publish_interval=0.02, lumisection_timeout=SILENCE, run_timeout=1000 * SILENCE
                ),
                clock=clock,
                progress=progress,
                ready=lambda: None,
            )
        )
        await send("first")
        await fall_silent(log, progress, clock, SILENCE)
        while sum(one.closed for one in await merged(log, layout)) < LENGTH:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await send("other")
        whole = [
            batch_fill(
                layout, [b for source in sources for b in source.batches(number)]
            ).cells.tobytes()
            for number in range(1, LENGTH + 1)
        ]
        async with asyncio.timeout(120):
            found: list[Merged] = []
            while [_whole(one).cells.tobytes() for one in found] != whole:
                await asyncio.sleep(0.05)
                found = await merged(log, layout)
        filling.cancel()
    first = found[0]
    assert first.closed
    assert "timeout" in first.account.closed_by
    assert first.late is not None
    assert first.contents.equals(batch_fill(layout, sources[0].batches(1)))
