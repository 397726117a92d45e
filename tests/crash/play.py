"""Plays a schedule on real processes and a real broker, and says what is wrong afterwards."""

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dqmstream.clock import SystemClock
from dqmstream.errors import LogError
from dqmstream.identity import content_hash
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunClose
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log
from playback.broker import Cluster
from services.log import open_log
from tests.crash.laws import Truth, broken_laws
from tests.crash.lives import Life, settings_of
from tests.crash.projections import expected_reports, wrong_answers, wrong_reports, wrong_store
from tests.crash.schedule import (
    Action,
    Cut,
    Freeze,
    FullDisk,
    Join,
    Kill,
    Leave,
    Lose,
    Schedule,
    SourcePlan,
)
from tests.crash.stage import Stage, free_port
from tests.crash.watch import Watch
from tests.crash.world import booking_set, random_run
from tests.random_run import RandomRun

__all__ = ["Outcome", "Site", "play"]

_MOMENT_SECONDS: Final = 30.0
_REST_SECONDS: Final = 60.0
_TEND: Final = 0.05
_WAKES: Final = {EventBatch, LumisectionEnd}
"""A run that is over goes on with these; another RunStart or RunEnd changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a schedule is played; `cluster` is there if its brokers may be harmed."""

    servers: str
    prefix: str
    folder: Path
    cluster: Cluster | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a schedule: what is wrong with it, what it met, a hash of all that readers show
    by workspace and LS, and what the services said."""

    schedule: Schedule
    complaints: tuple[str, ...]
    met: Mapping[str, int]
    hashes: Mapping[str, str]
    logs: tuple[str, ...]

    def __str__(self) -> str:
        met = ", ".join(f"{count} {name}" for name, count in self.met.items())
        lines = [str(self.schedule), f"  met {met}", "", *self.complaints, "", *self.logs]
        return "\n".join(lines)


async def play(
    schedule: Schedule, site: Site, *, wrong_rule: str = "", patience: float = _REST_SECONDS
) -> Outcome:
    """Play a schedule to its end, wait for rest, and check everything.

    Parameters
    ----------
    wrong_rule
        One that its services obey instead of the right one; see `tests.crash.wrong_rules`.
    patience
        Seconds within which fillers must come to rest, and then as many for all that is made of
        what they publish.
    """
    site.folder.mkdir(parents=True, exist_ok=True)
    player = _Player(schedule, site, wrong_rule, patience)
    try:
        async with player.watching():
            complaints = await player.run()
    finally:
        await asyncio.to_thread(player.stage.end)
    return Outcome(
        schedule=schedule,
        complaints=(*player.stage.complaints, *complaints),
        met=player.met,
        hashes=player.hashes,
        logs=tuple(player.stage.logs()),
    )


class _Player:
    def __init__(self, schedule: Schedule, site: Site, wrong_rule: str, patience: float) -> None:
        self._schedule = schedule
        self._patience = patience
        self._site = site
        self._wrong_rule = wrong_rule
        self._clock = SystemClock()
        self._port = free_port()
        self._runs: list[RandomRun] = []
        self._set = booking_set(schedule)
        self._chunks = self._count_chunks()
        self._settings = settings_of(self._life("gateway"))
        self.stage = Stage(site.folder, self._clock)
        self.met: Mapping[str, int] = {}
        self.hashes: Mapping[str, str] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Read the log for the length of the block."""
        async with open_log(self._settings, self._clock) as log, asyncio.TaskGroup() as tasks:
            self._log: Log = log
            self._watch = Watch(log)
            watching = tasks.create_task(self._watch.run(), name="watch")
            yield
            watching.cancel()

    async def run(self) -> list[str]:
        """The whole schedule; sentences on what is wrong."""
        for number in range(self._schedule.fillers):
            self._begin(f"filler {number}")
        for name in ("recorder", "comparator", "gateway"):
            self._begin(name)
        for source in self._schedule.sources:
            self._begin_source(source)
        async with asyncio.TaskGroup() as tasks:
            tending = tasks.create_task(self._tend(), name="supervisor")
            async with asyncio.TaskGroup() as harms:
                for step in self._schedule.steps:
                    await self._watch.until(lambda at=step.at: self._now >= at, _MOMENT_SECONDS)
                    harms.create_task(self._do(step.what), name=str(step))
            complaints = await self._judge()
            tending.cancel()
        return complaints

    # ---------------------------------------------------------------- services

    def _begin(self, name: str) -> None:
        self.stage.begin(name, lambda: self._life(name))

    def _begin_source(self, plan: SourcePlan) -> None:
        self.stage.begin(f"producer {plan.name}", lambda: self._source_life(plan))

    def _life(self, service: str, source: RandomRun | None = None) -> Life:
        return Life(
            service=service,
            schedule=self._schedule,
            servers=self._site.servers,
            prefix=self._site.prefix,
            folder=self._site.folder,
            port=self._port,
            source=source,
            wrong_rule=self._wrong_rule,
        )

    def _source_life(self, plan: SourcePlan) -> Life:
        """A live source that starts again joins where the other one is: its own past is gone."""
        lives = sum(run.name == plan.name for run in self._runs)
        here = min(int(self._now) + 1, self._schedule.lumisections) if lives else 1
        source = random_run(self._schedule, plan, life=lives, first_lumisection=here)
        if source not in self._runs:
            self._runs.append(source)
        return self._life(f"producer {plan.name}", source)

    async def _tend(self) -> None:
        while True:
            self.stage.tend()
            await asyncio.sleep(_TEND)

    # ------------------------------------------------------------------- steps

    def _count_chunks(self) -> dict[int, int]:
        first = random_run(self._schedule, self._schedule.sources[0])
        return {n: len(first.batches(n)) for n in range(1, first.length + 1)}

    @property
    def _now(self) -> float:
        """How far the first source is, in LSs."""
        return self._watch.progress(self._schedule.sources[0].name, self._chunks)

    async def _do(self, action: Action) -> None:
        match action:
            case Kill(service, name, away):
                self.stage.hit(service, signal.Signals[f"SIG{name}"], away)
            case Freeze(service, seconds):
                await self._freeze(service, seconds)
            case Join(service):
                self._begin(service)
            case Leave(service):
                self.stage.hit(service, signal.SIGTERM, gone=True)
            case FullDisk(seconds):
                await self._fill_disk(seconds)
            case Cut(seconds):
                with self.stage.outage():
                    await asyncio.to_thread(self._cluster.cut)
                    await asyncio.sleep(seconds)
                    await asyncio.to_thread(self._cluster.mend)
            case Lose():
                await self._lose(action)

    async def _freeze(self, service: str, seconds: float) -> None:
        running = self.stage.freeze(service)
        if running is not None:
            await asyncio.sleep(seconds)
            running.signal(signal.SIGCONT)

    async def _fill_disk(self, seconds: float) -> None:
        """The recorder's files can grow no further: each write beyond fails, as on a full disk."""
        running = self.stage.alive("recorder")
        if running is None:
            return
        files = [self._site.folder / f"store.sqlite{suffix}" for suffix in ("", "-wal")]
        largest = max((file.stat().st_size for file in files if file.exists()), default=0)
        unlimited = resource.RLIM_INFINITY
        with suppress(ProcessLookupError):
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (largest, unlimited))
            await asyncio.sleep(seconds)
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))

    @property
    def _cluster(self) -> Cluster:
        if self._site.cluster is None:
            msg = f"{self._schedule.name} harms a broker that others share"
            raise ValueError(msg)
        return self._site.cluster

    async def _lose(self, lost: Lose) -> None:
        broker = self._cluster.brokers[lost.broker]
        with self.stage.outage():
            await asyncio.to_thread(getattr(broker, lost.how))
            await asyncio.sleep(lost.seconds)
            await asyncio.to_thread(broker.resume if lost.how == "pause" else broker.start)

    # ------------------------------------------------------------------- check

    async def _judge(self) -> list[str]:
        """Wait until nothing moves any more, then look at everything."""
        waited = await self._rest()
        truth = Truth(self._schedule, self._set, self._runs, self._watch)
        broken = await asyncio.to_thread(broken_laws, truth)
        self.met = await asyncio.to_thread(self._met, truth)
        self.hashes = await asyncio.to_thread(_hashes, truth)
        if waited or broken:
            return [*waited, *broken]
        return await self._projections(truth)

    def _met(self, truth: Truth) -> dict[str, int]:
        """How hard it was: what the services had to get right."""
        closed: set[object] = set()
        stale = 0
        for piece in truth.published:
            stale += piece.key in closed
            closed |= {piece.key} if piece.closed else set()
        repeats = sum(len(at) - 1 for chunks in truth.logged.values() for at in chunks.values())
        return {
            "restarts": sum(slot.lives - 1 for slot in self.stage.slots.values()),
            "repeated chunks": repeats,
            "sets after the closed one": stale,
            "late segments": sum(one.late_segments for one in truth.merged),
            "incomplete LSs": sum(not one.complete for one in truth.merged),
            "dropped events": sum(one.account.dropped for one in truth.merged),
        }

    async def _rest(self) -> list[str]:
        """Wait until sources are done and fillers stand at the end; what they did not reach."""
        lacking = ["nothing was looked at"]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while lacking:
                    try:
                        lacking = [sentence async for sentence in self._lacking()]
                    except LogError as error:
                        lacking = [str(error)]
                    await asyncio.sleep(0.1)
        return [f"after {self._patience:g} s: {sentence}" for sentence in lacking]

    async def _lacking(self) -> AsyncIterator[str]:
        for slot in self.stage.slots.values():
            if slot.name.startswith("producer") and not slot.done:
                yield f"{slot.name} is not done"
        if not await self._watch.caught_up():
            yield "the log still grows"
        for partition in range(self._schedule.partitions):
            end = (await self._log.bounds(EVENTS, partition)).end
            stands = self._watch.stands(partition)
            if stands < end:
                yield f"{EVENTS}/{partition} ends at {end}, its filler stands at {stands}"
        for partition in self._not_over():
            yield f"the run is not over on {EVENTS}/{partition}"

    def _not_over(self) -> Iterator[int]:
        """Partitions on which a run is yet to be ended by time-out."""
        if not self._schedule.timed:
            return
        for partition, records in self._watch.events.items():
            types = [CODEC.type_of(record.headers) for record in reversed(records)]
            decided = next((n for n, one in enumerate(types) if one is RunClose), len(types))
            spoken = next((n for n, one in enumerate(types) if one in _WAKES), len(types))
            if decided > spoken:
                yield partition

    async def _projections(self, truth: Truth) -> list[str]:
        """What is made of the log must become, and then is, what the log says."""
        expected = await asyncio.to_thread(expected_reports, truth)
        url = f"sqlite:///{self._site.folder / 'store.sqlite'}"
        wrong = ["nothing was looked at"]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while wrong:
                    wrong = list(wrong_reports(truth, expected))
                    wrong += await asyncio.to_thread(lambda: list(wrong_store(truth, url)))
                    if not wrong:
                        wrong += await wrong_answers(truth, f"http://127.0.0.1:{self._port}")
                    await asyncio.sleep(0.1)
        return [f"after {self._patience:g} s: {sentence}" for sentence in wrong[:10]]


def _hashes(truth: Truth) -> dict[str, str]:
    """Of on-time and late contents together: which is which may differ between two takes."""
    found = {}
    for one in truth.merged:
        contents = one.contents.copy()
        if one.late is not None:
            contents.add(one.late, same_lumisection=True)
        values = sorted((index, scalar.value) for index, scalar in contents.scalars.items())
        what = (contents.cells.tobytes(), values, sorted(contents.invalid.items()))
        found[f"{one.key.workspace} {one.key.lumisection}"] = content_hash(what)
    return found
