"""Sets: announced by any number of processes, and shown from the right run on."""

import asyncio
from collections.abc import Sequence

import pytest
import pytest_asyncio

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SettableClock
from dqmstream.errors import ConfigurationError
from dqmstream.fold.state import FoldSettings
from dqmstream.fold.testing.toy import LAYOUTS
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import RunStart
from dqmstream.messages.operations import Conditions
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, CHECKPOINTS, CONDITIONS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.filler.announcing import activate, announce
from services.gateway.catalogue import Catalogue

ONE, OTHER, THIRD = (
    BookingSet([layout.booking for layout in LAYOUTS], FoldSettings(partitions=2, max_open=most))
    for most in (4, 5, 6)
)
CLOCK = SettableClock()


@pytest_asyncio.fixture
async def log() -> MemoryLog:
    log = MemoryLog(CLOCK)
    specs = [
        TopicSpec(name=topic.name, partitions=1, compacted=topic.compacted)
        for topic in TOPICS.values()
    ]
    await log.ensure_topics(specs)
    return log


async def messages(log: Log) -> list[Message]:
    return [CODEC.decode(r.headers, r.value) async for r in read_to_end(log, BOOKINGS)]


async def shown(log: Log, run: int, seen: Sequence[BookingSet]) -> str | None:
    """Hash of the set that a reader shows which has just come."""
    catalogue = Catalogue()
    for message in await messages(log):
        if isinstance(message, Booking):
            catalogue.book(message)
        elif isinstance(message, Activation):
            catalogue.activate(message)
    sets = catalogue.sets_shown(run, {"Toy": [one.hash for one in seen]})
    return sets["Toy"][0] if sets else None


async def began(log: Log, run: int) -> None:
    said = RunStart(
        run=run,
        source="a",
        incarnation="i",
        rereadable=False,
        partitions=1,
        first_lumisection=1,
    )
    await log.send([outgoing(CONDITIONS, 0, said, b"run")])


async def test_the_first_set_of_a_log_is_shown_from_the_first_run_on(log: MemoryLog) -> None:
    await began(log, 7)
    await announce(log, ONE, clock=CLOCK, who="test")
    assert await shown(log, 1, [ONE, OTHER]) == ONE.hash
    assert await shown(log, 7, [OTHER, ONE]) == ONE.hash


async def test_another_set_is_shown_from_the_next_run_on(log: MemoryLog) -> None:
    await announce(log, ONE, clock=CLOCK, who="test")
    await began(log, 7)
    await announce(log, OTHER, clock=CLOCK, who="test")
    both = [ONE, OTHER]
    assert await shown(log, 7, both) == ONE.hash
    assert await shown(log, 8, both) == OTHER.hash
    assert await shown(log, 8, [ONE]) == ONE.hash, "of sets that have brought something"


async def test_runs_are_known_by_their_sources_checkpoints_too(log: MemoryLog) -> None:
    """They outlive the conditions."""
    await announce(log, ONE, clock=CLOCK, who="test")
    done = SourceCheckpoint(source="a", run=40, incarnation="i", lumisection=3)
    await log.send([outgoing(CHECKPOINTS, 0, done, b"source/a/40")])
    await announce(log, OTHER, clock=CLOCK, who="test")
    assert await shown(log, 40, [ONE, OTHER]) == ONE.hash
    assert await shown(log, 41, [ONE, OTHER]) == OTHER.hash


async def test_conditions_of_later_runs_do_not_delay_another_set(log: MemoryLog) -> None:
    """Files tell of whole years: what is known of a run is no word of a source."""
    await announce(log, ONE, clock=CLOCK, who="test")
    await began(log, 7)
    told = [Conditions(run=run, lumisection=1, pileup=40.0) for run in (3, 7, 8, 900_000)]
    await log.send([outgoing(CONDITIONS, 0, one, b"run") for one in told])
    await announce(log, OTHER, clock=CLOCK, who="test")
    both = [ONE, OTHER]
    assert [await shown(log, run, both) for run in (7, 8)] == [ONE.hash, OTHER.hash]


async def test_announcing_again_changes_nothing(log: MemoryLog) -> None:
    await announce(log, ONE, clock=CLOCK, who="test")
    await began(log, 7)
    await announce(log, OTHER, clock=CLOCK, who="test")
    before = await messages(log)
    await began(log, 9)
    for one in (ONE, OTHER):
        await announce(log, one, clock=CLOCK, who="test")
    assert await messages(log) == before


async def test_processes_that_announce_at_once_do_no_harm(log: MemoryLog) -> None:
    await announce(log, ONE, clock=CLOCK, who="test")
    await began(log, 7)
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(announce(log, OTHER, clock=CLOCK, who=f"filler {number}"))
    assert await shown(log, 7, [ONE, OTHER]) == ONE.hash
    assert await shown(log, 8, [ONE, OTHER]) == OTHER.hash


async def test_a_set_can_be_tried_beside_the_one_in_use(log: MemoryLog) -> None:
    await announce(log, ONE, clock=CLOCK, who="test")
    await announce(log, OTHER, clock=CLOCK, who="test", from_run=0)
    assert await shown(log, 99, [ONE, OTHER]) == ONE.hash
    booked = [one for one in await messages(log) if isinstance(one, Booking)]
    assert len(booked) == len(LAYOUTS), "both sets have the same bookings"


async def test_a_set_can_be_activated_over_a_retained_run_and_back_again(log: MemoryLog) -> None:
    for number, one in enumerate((ONE, OTHER, THIRD)):
        await announce(log, one, clock=CLOCK, who="test", from_run=None if number == 0 else 0)
    await activate(log, OTHER, from_run=5, clock=CLOCK, who="operator")
    CLOCK.advance(1.0)
    await activate(log, ONE, from_run=7, clock=CLOCK, who="operator")
    sets = [ONE, OTHER, THIRD]
    assert [await shown(log, run, sets) for run in (4, 5, 6, 7)] == [
        ONE.hash,
        OTHER.hash,
        OTHER.hash,
        ONE.hash,
    ]
    CLOCK.advance(1.0)
    await activate(log, THIRD, from_run=7, clock=CLOCK, who="operator")
    assert await shown(log, 7, sets) == THIRD.hash, "the newest word counts"


async def test_runs_begin_at_one(log: MemoryLog) -> None:
    with pytest.raises(ConfigurationError, match="runs begin at 1"):
        await activate(log, ONE, from_run=0, clock=CLOCK, who="operator")
