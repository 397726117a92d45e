"""Watchers against emulated data taking: every event is in its LS, or missing with a reason."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import EventBatch, LumisectionEnd
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.sources.cms.emulating.perform import perform
from dqmstream.sources.cms.emulating.plan import EmulatedFile, Plan, plan
from dqmstream.sources.cms.emulating.recorded import read_recorded
from dqmstream.sources.cms.emulating.settings import EmulationSettings
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.decisions import Decisions
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.memory import MemoryLog
from tests.filled import make_topics
from tests.random_run import batch_fill
from tests.watched import (
    BOOKING,
    READ,
    in_store,
    live,
    new_life,
    on_disk,
    record,
    sent,
    to_the_end,
    until_idle,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SPEED = 50.0
"""An LS of 1 s takes 20 ms."""
WATCH = WatchSettings(read=READ, missing_timeout=0.15, broken_timeout=0.1)
ABSENT = {"file_missing", "file_gone", "file_lost", "given_up", "jsn_unreadable", "jsn_form"}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    batch_fill(Layout(BOOKING), [])


async def _seed(seed: int, folder: Path) -> None:
    """One seed: emulate, watch with deaths, fill, record, compare."""
    streams = ("streamOne", "streamTwo") if seed % 3 == 0 else ("streamOne",)
    recorded = await asyncio.to_thread(
        lambda: read_recorded(record(folder / "recorded", streams, files=3, seed=seed))
    )
    settings = EmulationSettings(
        runs=1 + seed % 2,
        lumisections=8,
        seconds=1.0,
        seed=seed,
        missing=0.1,
        truncated=0.15,
        half_written=0.15,
        out_of_order=0.2,
        late=0.1,
        no_end=0.25,
        late_seconds=12.0,
    )
    planned = plan(settings, recorded)
    log, partitions = MemoryLog(clock=SystemClock()), 1 + seed % 3
    await make_topics(log, partitions)
    root = folder / "root"
    root.mkdir()
    await live(log, root, planned, WATCH, speed=SPEED, deaths=seed % 4)
    booking_set, found = await to_the_end(log, partitions)
    stored = await in_store(log, f"sqlite:///{folder / 'store.sqlite'}")
    assert stored.keys() == found.keys()
    files: dict[tuple[int, int], list[EmulatedFile]] = {}
    for file in planned.files:
        files.setdefault((file.run, file.lumisection), []).append(file)
    for place, of_place in files.items():
        readable = sum(file.readable for file in of_place)
        if place not in found:
            # Nobody knows of an LS after the last that a run without an end has shown.
            assert readable == 0, place
            continue
        batches = await asyncio.to_thread(on_disk, root, *place)
        assert sum(batch.num_rows for batch in batches) == readable
        told = any(_is_told_of(file, planned) for file in of_place)
        expected = batch_fill(booking_set.layouts[0], batches)
        assert np.array_equal(expected.cells, stored[place].cells), place
        _assert_equal(expected, found[place], of_place, told=told)


def _is_told_of(file: EmulatedFile, planned: Plan) -> bool:
    """Whether a watcher must say that this file is missing: it lies within what it knows of."""
    others = {
        other.lumisection: not {"late", "out_of_order"} & set(other.faults)
        for other in planned.files
        if (other.run, other.stream) == (file.run, file.stream) and other.at is not None
    }
    # A watcher that joins a run begins with the lowest LS there is; one without an end may go on.
    begun = any(other < file.lumisection and on_time for other, on_time in others.items())
    ended = file.run in planned.ended_runs or any(other > file.lumisection for other in others)
    return "missing" in file.faults and begun and ended


def _assert_equal(
    expected: Contents,
    one: Merged,
    files: list[EmulatedFile],
    *,
    told: bool,
) -> None:
    contents = one.contents.copy()
    if one.late is not None:
        contents.add(one.late, same_lumisection=True)
    why = (one.key, one.account, one.late_account, files)
    assert np.array_equal(expected.cells, contents.cells), why
    accounts = (one.account, one.late_account)
    assert sum(account.selected for account in accounts) == sum(file.readable for file in files)
    assert not one.account.refused, one.account.refused
    assert not one.late_account.refused
    lost = sum(file.events - file.readable for file in files)
    noted = Counter[str]()
    for account in accounts:
        noted.update(account.notes)
    if lost:
        assert noted["missing_events"] == lost, (one.key, noted)
    if told:
        assert noted.keys() & ABSENT, (one.key, noted)


@pytest.mark.parametrize("group", range(5))
async def test_every_event_is_accounted_for_whatever_happens_to_files_and_watchers(
    group: int, tmp_path: Path
) -> None:
    """Ten seeds at a time: late, missing, truncated and half-written files, killed watchers."""
    async with asyncio.TaskGroup() as tasks:
        for seed in range(group * 10, group * 10 + 10):
            tasks.create_task(_seed(seed, tmp_path / str(seed)))


async def test_a_run_begun_with_other_settings_keeps_no_other_from_being_sent(
    tmp_path: Path,
) -> None:
    """As after an upgrade, while an old run lies in the folder still: it is left, and counted."""
    recorded = await asyncio.to_thread(
        lambda: read_recorded(record(tmp_path / "recorded", ("streamOne",), files=2, seed=5))
    )
    root, log = tmp_path / "root", MemoryLog(clock=SystemClock())
    root.mkdir()
    await make_topics(log, 1)
    other = WatchSettings(read=msgspec.structs.replace(READ, chunk_events=5), missing_timeout=0.15)
    failed, held = [], []
    for run, watch in ((1, WATCH), (2, other)):
        planned = plan(EmulationSettings(run=run, lumisections=2, seconds=1.0, seed=5), recorded)
        one = await live(log, root, planned, watch, speed=SPEED, deaths=0)
        failed.append(one.progress.failed_sources)
        held.append(await sent(log))
    assert failed == [0, 1]
    assert set(held[1]) == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert {place: of for place, of in held[1].items() if place[0] == 1} == held[0]
    assert held[0][1, 1].selected, "else nothing could be sent twice"


@pytest.mark.parametrize("seed", range(4))
async def test_files_deleted_before_they_are_read_are_lost_by_name(
    seed: int, tmp_path: Path
) -> None:
    """Two LSs are kept, and watchers start again and again: an LS is whole, or says why not."""
    files = await asyncio.to_thread(
        record, tmp_path / "recorded", ("streamOne",), files=3, seed=seed
    )
    recorded = await asyncio.to_thread(read_recorded, files)
    settings = EmulationSettings(
        lumisections=12, seconds=1.0, seed=seed, missing=0.2, out_of_order=0.3, keep=2
    )
    planned = plan(settings, recorded)
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    root = tmp_path / "root"
    root.mkdir()
    await live(log, root, planned, WATCH, speed=SPEED, deaths=3)
    booking_set, found = await to_the_end(log, 2)
    assert not await asyncio.to_thread(on_disk, root, settings.run, 1)
    for file in planned.files:
        one = found.get((file.run, file.lumisection))
        if one is None:
            continue
        assert not one.account.refused
        batches = await asyncio.to_thread(_recorded_batches, file)
        if one.account.selected + one.late_account.selected == file.events:
            contents = one.contents.copy()
            if one.late is not None:
                contents.add(one.late, same_lumisection=True)
            expected = batch_fill(booking_set.layouts[0], batches)
            assert np.array_equal(expected.cells, contents.cells)
            continue
        notes = one.account.notes.keys()
        assert notes & ABSENT, one
        if "file_gone" in notes and "given_up" not in notes:
            assert one.account.dropped in {0, file.events}
        if one.account.selected:
            # Some of it was sent by a watcher that died, and the rest cannot be read again.
            assert not one.complete, one


def _recorded_batches(file: EmulatedFile) -> list[pa.RecordBatch]:
    return list(StreamerFile(Path(file.source), READ).batches()) if file.at is not None else []


class _ToldLog(MemoryLog):
    """Remembers what was said in which order over all topics; may hold LumisectionEnds back."""

    def __init__(self, *, hold: bool = False) -> None:
        super().__init__(SystemClock())
        self.said: list[Message] = []
        self.hold = hold
        self.held = asyncio.Event()

    async def send(self, messages: Sequence[Outgoing]) -> list[Record]:
        said = [CODEC.decode(each.headers, each.value or b"") for each in messages]
        if self.hold and any(isinstance(one, LumisectionEnd) for one in said):
            self.held.set()
            await asyncio.Event().wait()
        self.said += said
        return await super().send(messages)


async def test_nothing_is_said_of_a_lumisection_before_what_it_is_made_of_is_noted(
    tmp_path: Path,
) -> None:
    files = await asyncio.to_thread(record, tmp_path / "recorded", ("streamOne",), files=3, seed=2)
    settings = EmulationSettings(
        lumisections=10, seconds=1.0, seed=4, missing=0.3, out_of_order=0.3, late=0.2
    )
    planned = plan(settings, await asyncio.to_thread(read_recorded, files))
    log, root = _ToldLog(), tmp_path / "root"
    await make_topics(log, 2)
    root.mkdir()
    await live(log, root, planned, WATCH, speed=SPEED, deaths=3)
    decided = Decisions()
    for one in log.said:
        if isinstance(one, SourceCheckpoint) and one.source == "cms-streamOne":
            noted = Decisions.noted(one)
            # Nothing is ever taken back.
            for number in range(decided.first, decided.last + 1):
                assert noted.ending(number) == decided.ending(number)
                assert noted.is_absent(number) >= decided.is_absent(number)
            decided = noted
        elif isinstance(one, LumisectionEnd) and one.source == "cms-streamOne":
            assert decided.first <= one.lumisection <= decided.last
            assert one.chunks == 0 or decided.ending(one.lumisection) is not None
        elif isinstance(one, EventBatch) and one.chunk.source == "cms-streamOne":
            assert decided.ending(one.chunk.lumisection) is not None
    assert decided.absent
    assert decided.taken


async def test_a_file_that_goes_between_two_lives_leaves_its_lumisection_incomplete(
    tmp_path: Path,
) -> None:
    """The first life sent its chunks and died before their number was said."""
    made = await asyncio.to_thread(record, tmp_path / "recorded", ("streamOne",), files=2, seed=1)
    planned = plan(EmulationSettings(lumisections=2), await asyncio.to_thread(read_recorded, made))
    log, root = _ToldLog(hold=True), tmp_path / "root"
    await make_topics(log, 1)
    await perform(planned, root, SystemClock(), speed=None)
    async with asyncio.TaskGroup() as tasks:
        process, watching = new_life(log, root, WATCH)
        living = tasks.create_task(watching.service().start(process, lambda: None))
        await log.held.wait()
        living.cancel()
    log.hold = False
    first = root / "run500001" / planned.files[0].name
    for suffix in (".jsn", ".dat"):
        first.with_suffix(suffix).unlink()
    async with asyncio.TaskGroup() as tasks:
        process, watching = new_life(log, root, WATCH)
        living = tasks.create_task(watching.service().start(process, lambda: None))
        await until_idle(watching)
        living.cancel()
    _, found = await to_the_end(log, 1)
    one, whole = found[500001, 1], found[500001, 2]
    assert whole.complete
    assert one.account.notes == {"file_lost": 1, "lost_events": planned.files[0].events}
    assert not one.complete
    assert f"of {planned.files[0].events + 1} chunks" in one.account.lacking[0]
    # What was sent of it stays: it is what the account names.
    assert one.account.selected == planned.files[0].readable
