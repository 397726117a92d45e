"""Plays a schedule on real processes and a real broker, and says what is wrong afterwards."""

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dqmstream.clock import SystemClock
from dqmstream.transport.log import Log
from playback.broker import Cluster
from playback.broker.ports import free_port
from services.log import open_log
from tests.crash.judge import Judge, Verdict
from tests.crash.lives import Life, settings_of
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
from tests.crash.stage import Stage
from tests.crash.watch import Watch
from tests.crash.world import random_run
from tests.random_run import RandomRun

__all__ = ["Outcome", "Site", "play"]

_MOMENT_SECONDS: Final = 120.0
_REST_SECONDS: Final = 120.0
_TEND: Final = 0.05


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
        Seconds of standstill after which rest is not waited for any longer; see `Judge`.
    """
    site.folder.mkdir(parents=True, exist_ok=True)
    port = await asyncio.to_thread(free_port)
    player = _Player(schedule, site, port, wrong_rule, patience)
    try:
        async with player.watching():
            verdict = await player.run()
    finally:
        await asyncio.to_thread(player.stage.end)
    return Outcome(
        schedule=schedule,
        complaints=(*player.stage.complaints, *verdict.complaints),
        met=verdict.met,
        hashes=verdict.hashes,
        logs=tuple(player.stage.logs()),
    )


class _Player:
    def __init__(
        self, schedule: Schedule, site: Site, port: int, wrong_rule: str, patience: float
    ) -> None:
        self._schedule = schedule
        self._patience = patience
        self._site = site
        self._wrong_rule = wrong_rule
        self._clock = SystemClock()
        self._port = port
        self._runs: list[RandomRun] = []
        self._chunks = self._count_chunks()
        self._settings = settings_of(self._life("gateway"))
        self.stage = Stage(site.folder, self._clock)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Read the log for the length of the block."""
        async with open_log(self._settings, self._clock) as log, asyncio.TaskGroup() as tasks:
            self._log: Log = log
            self._watch = Watch(log)
            watching = tasks.create_task(self._watch.run(), name="watch")
            yield
            watching.cancel()

    async def run(self) -> Verdict:
        """The whole schedule, and what came of it."""
        for number in range(self._schedule.fillers):
            self._begin(f"filler {number}")
        for name in ("recorder", "comparator", "gateway"):
            self._begin(name)
        async with asyncio.TaskGroup() as tasks:
            tending = tasks.create_task(self._tend(), name="supervisor")
            if self._schedule.begun:
                await self._all_begun()
            for source in self._schedule.sources:
                self._begin_source(source)
            if self._schedule.begun:
                await self._all_ready()
            async with asyncio.TaskGroup() as harms:
                for step in self._schedule.steps:
                    await self._watch.until(lambda at=step.at: self._now >= at, _MOMENT_SECONDS)
                    harms.create_task(self._do(step.what), name=str(step))
            url = f"http://127.0.0.1:{self._port}"
            judge = Judge(
                self._schedule,
                self._log,
                self._watch,
                self.stage,
                url=url,
                patience=self._patience,
            )
            verdict = await judge.judge(self._runs)
            tending.cancel()
        return verdict

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
            case FullDisk(seconds, until):
                await self._fill_disk(seconds, until)
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

    async def _fill_disk(self, seconds: float, until: str) -> None:
        """The recorder's files can grow no further: each write beyond fails, as on a full disk."""
        running = self.stage.alive("recorder")
        if running is None:
            return
        self.stage.slots["recorder"].disturbed = True
        files = [self._site.folder / f"store.sqlite{suffix}" for suffix in ("", "-wal")]
        largest = max((file.stat().st_size for file in files if file.exists()), default=0)
        unlimited = resource.RLIM_INFINITY
        with suppress(ProcessLookupError):
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (largest, unlimited))
            await asyncio.sleep(seconds)
            if until:
                await self._so(lambda: self.stage.count("recorder", until) > 0)
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))

    async def _all_begun(self) -> None:
        """Wait until all services are ready, and fillers share all partitions among them."""
        await self._all_ready()
        schedule, owners = self._schedule, self._watch.owners
        sharing = min(schedule.fillers, schedule.partitions)
        await self._so(
            lambda: len(owners) == schedule.partitions and len(set(owners.values())) == sharing
        )

    async def _all_ready(self) -> None:
        """Wait until all that was begun has said that it is ready."""
        for name in list(self.stage.slots):
            ready = self._life(name).ready_line
            await self._so(lambda name=name, ready=ready: self.stage.count(name, ready) > 0)

    async def _so(self, fact: Callable[[], bool]) -> None:
        """Wait until it is so; who needs it finds in the end that it never was."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT_SECONDS):
                while not fact():  # noqa: ASYNC110 a file tells nobody
                    await asyncio.sleep(_TEND)

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
