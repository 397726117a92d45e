"""Runs emulated in a folder while watchers live and die beside it, and what their log holds."""

import asyncio
import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dqmstream.booking import Workspace, histogram, integer, regular
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.identity import LumisectionId
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.events import EventBatch, LumisectionEnd
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.emulating.perform import perform
from dqmstream.sources.cms.emulating.plan import Plan
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.states import FAIL, PASS
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.writer import new_event, new_init, write_streamer_file
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.patience import Pace
from services.filler.announcing import announce
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from services.monitoring.health import Health
from services.monitoring.metrics import ProcessMetrics
from services.processes.process import Process
from services.processes.watch import Watching
from services.recorder.batches import BatchSettings, recorded_places
from services.recorder.progress import RecorderProgress
from services.recorder.service import RecorderSettings, run_recorder
from services.settings import Settings
from tests.filled import merged
from tests.send_events import encode_send_event

__all__ = [
    "BOOKING",
    "READ",
    "Sent",
    "in_store",
    "live",
    "new_life",
    "on_disk",
    "record",
    "sent",
    "to_the_end",
    "until_idle",
]

SETTINGS = Settings()
_MAKING = threading.Lock()
PATHS = tuple(f"HLT_Path{number}_v1" for number in range(6))
READ = ReadSettings(chunk_events=7, lumisection_from="name")
BOOKING = Workspace(
    "watched",
    "What the files hold.",
    [
        histogram("Watched/event", regular(100, 0, 100_000, label="event number"), fill="event"),
        histogram("Watched/paths", integer(0, 6), fill="hlt_pass.path"),
    ],
)


def record(folder: Path, streams: Sequence[str], *, files: int, seed: int) -> list[Path]:
    """Write recorded files: of each stream so many, of 0 to 30 events, each event unique."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    made, event = [], 0
    for stream in streams:
        init = new_init(PATHS, output_module=f"hltOutput{stream}", payload=b"job header")
        for number in range(1, files + 1):
            place = LumisectionId(400000, number)
            messages = []
            for _ in range(rng.randrange(31)):
                event += 1 + rng.randrange(50)
                auxiliary = EventAuxiliary(
                    run=place.run,
                    lumisection=number,
                    event=event,
                    time=1_700_000_000_000_000_000 + event,
                    bunch_crossing=event % 3564,
                    orbit=event,
                    fill=1,
                )
                states = [PASS if rng.random() < 0.4 else FAIL for _ in PATHS]
                raw = encode_send_event(auxiliary, rng.randbytes(rng.randrange(40)))
                messages.append(new_event(init, place, event, states, raw))
            dat = folder / f"run{place.run}_ls{number:04d}_{stream}_rec.dat"
            write_streamer_file(dat, init, messages)
            made.append(dat.with_suffix(".jsn"))
    return made


def new_life(log: Log, root: Path, watch: WatchSettings) -> tuple[Process, Watching]:
    """A watcher in a process of its own, as far as a log can tell."""
    clock = SystemClock()
    health = Health(clock, ["watcher"])
    process = Process(SETTINGS, clock, log, health, ProcessMetrics(health))
    return process, Watching(SETTINGS, [root], watch)


async def until_idle(watching: Watching) -> None:
    """Until a watcher has sent all that there is."""
    progress = watching.progress
    # What is told may have been counted just before: of two news the second is of now.
    for _ in range(2):
        looks = progress.looks
        while progress.behind or progress.looks < looks + 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def live(
    log: Log, root: Path, planned: Plan, watch: WatchSettings, *, speed: float, deaths: int
) -> Watching:
    """Perform a plan while watchers are killed and started again; the last one has sent all."""
    rng = random.Random(planned.settings.seed)
    clock = SystemClock()
    async with asyncio.TaskGroup() as tasks:
        performing = tasks.create_task(perform(planned, root, clock, speed=speed))
        length = max(operation.at for operation in planned.operations) / speed
        for _ in range(deaths):
            with suppress(TimeoutError):
                async with asyncio.timeout(rng.uniform(0, 2 * length / deaths)):
                    process, one = new_life(log, root, watch)
                    await one.service().start(process, lambda: None)
        process, one = new_life(log, root, watch)
        last = tasks.create_task(one.service().start(process, lambda: None))
        await performing
        await until_idle(one)
        last.cancel()
    return one


@dataclass
class Sent:
    """What the log holds of one LS: selected events of distinct chunks, and who spoke."""

    selected: int = 0
    seen: int = 0
    dropped: int = 0


async def sent(log: Log) -> dict[tuple[int, int], Sent]:
    """What the log holds, by run and LS."""
    found: dict[tuple[int, int], Sent] = {}
    chunks = set()
    async for each in read_to_end(log, EVENTS):
        message = CODEC.decode(each.headers, each.value)
        if isinstance(message, LumisectionEnd):
            found.setdefault((message.run, message.lumisection), Sent())
        elif isinstance(message, EventBatch):
            chunk = message.chunk
            of = found.setdefault((chunk.run, chunk.lumisection), Sent())
            name = (chunk.run, chunk.lumisection, chunk.source, chunk.number)
            if name not in chunks:
                chunks.add(name)
                of.selected += chunk.selected
                of.seen += chunk.seen
                of.dropped += chunk.dropped
    return found


async def to_the_end(log: Log, partitions: int) -> tuple[BookingSet, dict[tuple[int, int], Merged]]:
    """Fill all that the log holds, until every LS is closed, late segments included."""
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=partitions))
    await announce(log, booking_set, clock=SystemClock(), who="test")
    layout = booking_set.layouts[0]
    held = await sent(log)
    settings = FillerSettings(
        publish_interval=0.02,
        checkpoint_interval=0.05,
        lumisection_timeout=0.3,
        run_timeout=0.6,
    )
    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(
            run_filler(
                log,
                booking_set,
                [WorkspaceFiller(layout)],
                decode_chunk,
                member="filler",
                settings=settings,
                clock=SystemClock(),
                progress=FillerProgress(),
                ready=lambda: None,
            )
        )
        while True:
            found = {(one.key.run, one.key.lumisection): one for one in await merged(log, layout)}
            if held.keys() <= found.keys() and all(
                one.closed
                and one.account.selected + one.late_account.selected
                == held.get(place, Sent()).selected
                for place, one in found.items()
            ):
                filling.cancel()
                return booking_set, found
            await asyncio.sleep(0.05)


async def in_store(log: Log, url: str) -> dict[tuple[int, int], Contents]:
    """Record all that the log holds; what the store then has by run and LS, late data added."""
    settings = RecorderSettings(
        batch=BatchSettings(records=16, linger=0.01), idle=0.05, pace=Pace(first=0.01, most=0.05)
    )
    ends = {at: (await log.bounds(*at)).end for at in recorded_places(log)}
    progress = RecorderProgress()
    await asyncio.to_thread(_make_store, log, url)
    async with asyncio.TaskGroup() as tasks:
        recording = tasks.create_task(
            run_recorder(
                log,
                url,
                clock=SystemClock(),
                ready=lambda: None,
                settings=settings,
                progress=progress,
            )
        )
        while progress.positions != ends:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        recording.cancel()
    return await asyncio.to_thread(_stored, url)


def _make_store(log: Log, url: str) -> None:
    # Alembic makes one store at a time in a process.
    with _MAKING:
        StoreWriter(url, log=log.identity).close()


def _stored(url: str) -> dict[tuple[int, int], Contents]:
    found: dict[tuple[int, int], Contents] = {}
    with Store(url) as store:
        for run in (one.run for one in store.runs().items):
            (of_run,) = store.sets(run)
            for number in store.contents(of_run, run, BOOKING.workspace).lumisections:
                held = store.contents(of_run, run, BOOKING.workspace, [number]).contents
                held.add(store.late(of_run, run, BOOKING.workspace, [number]).contents)
                found[run, number] = held
    return found


def on_disk(root: Path, run: int, lumisection: int) -> list[pa.RecordBatch]:
    """All events of an LS that can be read in the folder, in one go."""
    batches: list[pa.RecordBatch] = []
    for path in sorted((root / f"run{run:06d}").glob(f"run*_ls{lumisection:04d}_stream*.jsn")):
        batches += StreamerFile(path, READ).batches()
    return batches
