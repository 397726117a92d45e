"""Watching folders: which sources begin, with what, and when a run is over."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dqmstream.clock import SystemClock
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.source import WatchedSource
from dqmstream.sources.cms.watching.watch import FolderWatch
from dqmstream.sources.cms.writer import write_streamer_file
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import EventSource

READ = ReadSettings(lumisection_from="name")
QUICK = WatchSettings(read=READ, missing_timeout=0.2, broken_timeout=0.1)
PATIENT = WatchSettings(read=READ, missing_timeout=30.0)
Put = Callable[..., None]


class _Begun:
    """What a watch has begun, and the watch."""

    def __init__(self, root: Path, settings: WatchSettings) -> None:
        self.sources: list[EventSource] = []
        self.expected: dict[str, tuple[str, ...]] = {}
        self.news = asyncio.Event()
        self.watch = FolderWatch([root], settings, SystemClock(), self._begin)

    def _begin(self, source: EventSource, expected: tuple[str, ...]) -> None:
        if isinstance(source, WatchedSource):
            source.resume(Decisions(), 0)
        self.sources.append(source)
        self.expected[source.name] = expected
        self.news.set()

    async def named(self, run: int, name: str) -> EventSource:
        """A source, once it has begun."""
        while True:
            for source in self.sources:
                if (source.run, source.name) == (run, name):
                    return source
            self.news.clear()
            await self.news.wait()

    async def watched(self, run: int, stream: str = "streamDQM") -> WatchedSource:
        source = await self.named(run, f"cms-{stream}")
        assert isinstance(source, WatchedSource)
        return source


@asynccontextmanager
async def watching(root: Path, settings: WatchSettings) -> AsyncIterator[_Begun]:
    begun = _Begun(root, settings)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(begun.watch.run())
        yield begun
        running.cancel()


async def lumisections(source: WatchedSource) -> list[tuple[int, dict[str, int]]]:
    """All LSs to the end of the run, with their notes."""
    found = []
    while (one := await source.next_lumisection()) is not None:
        await asyncio.to_thread(list, one.chunks())
        found.append((one.lumisection, dict(one.notes())))
    return found


@pytest.fixture
def put(
    tmp_path: Path, init: InitMessage, make_event: Callable[..., EventMessage]
) -> Callable[..., None]:
    """Puts a file of one event into a run's folder."""
    event = make_event(1)

    def put_file(run: int, number: int, stream: str = "streamDQM") -> None:
        folder = tmp_path / f"run{run:06d}"
        folder.mkdir(exist_ok=True)
        name = f"run{run:06d}_ls{number:04d}_{stream}_a.dat"
        write_streamer_file(folder / name, init, [event])

    return put_file


def end(root: Path, run: int) -> None:
    (root / f"run{run:06d}" / f"run{run:06d}_ls0000_EoR.jsn").touch()


async def test_a_run_that_appears_is_read_to_its_end(tmp_path: Path, put: Put) -> None:
    (tmp_path / ".run500001.global").write_text("run_key = cosmic_run\n")
    async with watching(tmp_path, PATIENT) as begun:
        await asyncio.to_thread(put, 500001, 1)
        source = await begun.watched(500001)
        await asyncio.to_thread(put, 500001, 2)
        await asyncio.to_thread(end, tmp_path, 500001)
        assert await lumisections(source) == [(1, {}), (2, {})]
        assert not begun.watch.is_done(500001)
        begun.watch.sent(source)
        assert begun.watch.is_done(500001)
    assert (source.run_type, source.marks) == ("cosmic_run", ("re-timed",))
    assert begun.expected["cms-streamDQM"] == ("cms-streamDQM",)


async def test_what_is_waited_for_is_said(tmp_path: Path, put: Put) -> None:
    async with watching(tmp_path, PATIENT) as begun:
        assert begun.watch.waits_for() == (f"runs in {tmp_path}",)
        await asyncio.to_thread(put, 500001, 1)
        source = await begun.watched(500001)
        await source.next_lumisection()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(source.next_lumisection())
            await asyncio.sleep(0)
            assert begun.watch.waits_for() == ("run 500001 cms-streamDQM LS 2",)
            waiting.cancel()


async def test_only_the_run_and_the_streams_that_are_named_are_read(
    tmp_path: Path, put: Put
) -> None:
    settings = WatchSettings(read=READ, run=500002, streams=("streamDQM", "streamOther"))
    for run in (500001, 500002):
        for stream in ("streamDQM", "streamNot"):
            await asyncio.to_thread(put, run, 1, stream)
    async with watching(tmp_path, settings) as begun:
        await begun.watched(500002)
    assert [(source.run, source.name) for source in begun.sources] == [(500002, "cms-streamDQM")]
    # A stream that was asked for is expected though nothing of it is there yet.
    assert begun.expected["cms-streamDQM"] == ("cms-streamDQM", "cms-streamOther")


async def test_a_run_without_an_end_is_left_when_a_later_one_has_begun(
    tmp_path: Path, put: Put
) -> None:
    await asyncio.to_thread(put, 500001, 1)
    async with watching(tmp_path, QUICK) as begun:
        source = await begun.watched(500001)
        await source.next_lumisection()
        await asyncio.to_thread(put, 500002, 1)
        assert await source.next_lumisection() is None
        later = await begun.watched(500002)
        assert await later.next_lumisection() is not None


async def test_so_many_runs_are_read_at_a_time_the_lowest_first(tmp_path: Path, put: Put) -> None:
    settings = WatchSettings(read=READ, most_runs=2)
    for run in (500003, 500001, 500002):
        await asyncio.to_thread(put, run, 1)
        await asyncio.to_thread(end, tmp_path, run)
    async with watching(tmp_path, settings) as begun:
        first = await begun.watched(500001)
        await begun.watched(500002)
        assert [source.run for source in begun.sources] == [500001, 500002]
        begun.watch.sent(first)
        await begun.watched(500003)


async def test_watching_may_begin_with_the_newest(tmp_path: Path, put: Put) -> None:
    for run, number in ((500001, 1), (500002, 3), (500002, 4)):
        await asyncio.to_thread(put, run, number)
    settings = WatchSettings(read=READ, newest=True)
    async with watching(tmp_path, settings) as begun:
        source = await begun.watched(500002)
    assert source.first_lumisection == 4
    assert [one.run for one in begun.sources] == [500002]
    assert begun.watch.counts()["skipped_files"] == 1


async def test_a_late_file_is_a_source_of_its_own_with_one_lumisection(
    tmp_path: Path, put: Put
) -> None:
    await asyncio.to_thread(put, 500001, 1)
    await asyncio.to_thread(put, 500001, 3)
    async with watching(tmp_path, QUICK) as begun:
        source = await begun.watched(500001)
        for _ in range(3):
            await source.next_lumisection()
        assert source.decisions.absent == ((2, 2),)
        await asyncio.to_thread(put, 500001, 2)
        while len(begun.sources) < 2:
            begun.news.clear()
            await begun.news.wait()
        late = begun.sources[1]
        again = [one.lumisection for one in late.lumisections(0)]
    assert late.name.startswith("cms-streamDQM-late-ls000002-")
    assert (late.first_lumisection, again) == (2, [2])
    assert late.marks == ("re-timed",)


async def test_a_run_whose_folder_is_deleted_ends_with_what_was_announced_lost_by_name(
    tmp_path: Path, put: Put
) -> None:
    await asyncio.to_thread(put, 500001, 1)
    await asyncio.to_thread(put, 500001, 2)
    folder = tmp_path / "run500001"
    async with watching(tmp_path, PATIENT) as begun:
        source = await begun.watched(500001)
        for path in await asyncio.to_thread(lambda: sorted(folder.iterdir(), reverse=True)):
            await asyncio.to_thread(path.unlink)
        await asyncio.to_thread(folder.rmdir)
        found = await lumisections(source)
        counts = begun.watch.counts()
        begun.watch.sent(source)
        while begun.watch.is_done(500001):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert begun.watch.counts() == counts, "what was counted of a run stays when it has gone"
    assert counts["seen_files"] == 2
    assert [number for number, _ in found] == [1, 2]
    assert all(notes in ({"file_gone": 1}, {"file_missing": 1}) for _, notes in found)


async def test_a_run_that_is_deleted_while_a_stream_waits_for_its_first_data_does_not_end_the_watch(
    tmp_path: Path, put: Put
) -> None:
    folder = tmp_path / "run500001"
    async with watching(tmp_path, PATIENT) as begun:
        await asyncio.to_thread(put, 500001, 1)
        await begun.watched(500001)
        looks = begun.watch.looks
        announced = folder / "run500001_ls0001_streamOther_a.jsn"
        text = '{"data":["5","5","0","other.dat","100","0","0","0","0",""]}'
        await asyncio.to_thread(announced.write_text, text)
        while begun.watch.counts()["seen_files"] < 2 or begun.watch.looks < looks + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(shutil.rmtree, folder)
        other = await begun.watched(500001, "streamOther")
        assert await lumisections(other) == [(1, {"file_gone": 1})]
        await asyncio.to_thread(put, 500002, 1)
        await begun.watched(500002)
