"""A run judged by real services: a log in a folder, a comparator with a plug-in, a recorder, a
catalogue of references made out of the store; and every kind of quality test in force.

Run 1 is good, and references are made of it; run 2 has faults, and is judged.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray

from dqmstream.clock import Clock, SettableClock
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Activation,
    Booking,
    Draw,
    Histogram,
    Integer,
    Profile,
    Regular,
)
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.references import Reference
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, CONDITIONS, HISTOGRAMS
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.plugins import GROUP, Plugins, load_plugins
from dqmstream.references.making import Described
from dqmstream.store.store import Store
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log
from dqmstream.transport.outgoing import outgoing
from services.comparator.service import run_comparator
from services.gateway.access_tokens import Role
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.quality_desk import QualityDesk
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.reference_reading import AskedData
from services.gateway.settings import GatewaySettings, Limits
from services.plugins.workers import Workers
from services.recorder.batches import recorded_places
from services.recorder.service import RecorderSettings, run_recorder
from tests.filled import make_topics
from tests.ingesting import access, bearer
from tests.unit.gateway.parts import parts_of

__all__ = [
    "GOOD",
    "JUDGED",
    "KINDS",
    "LSS",
    "TESTS",
    "Opened",
    "judged_run",
    "make_reference",
    "opened",
]

GOOD: Final = 1
JUDGED: Final = 2
LSS: Final = 8
CHANGED: Final = 4
"""The beam mode of the judged run changes with this LS."""
_SET: Final = "0123456789abcdef"
_HOUR: Final = 3600 * 10**9

PLUGINS: Final = (EntryPoint("bad", "tests.bad_plugin:ALGORITHMS", GROUP),)

_BINS: Final = Regular(bins=20, lower=0.0, upper=20.0, label="x")


def _counts(path: str, **fields: Any) -> Histogram:
    return Histogram(path=path, axes=(_BINS,), fill=("x",), **fields)


LAYOUT: Final = Layout(
    Booking(
        workspace="det",
        elements=(
            _counts("det/counts"),
            _counts("det/other"),
            _counts("det/broken"),
            _counts("det/new"),
            _counts("det/weights", weight="w", weight_range=(0.0, 100.0)),
            _counts("det/Data/energy"),
            _counts("det/Emulator/energy"),
            Histogram(
                path="det/map",
                axes=(Integer(lower=0, upper=12, label="a"), Integer(lower=0, upper=8, label="b")),
                fill=("a", "b"),
            ),
            Profile(
                path="det/mean", axes=(_BINS,), fill=("x",), value="v", value_range=(0.0, 64.0)
            ),
            Profile(
                path="det/efficiency",
                axes=(_BINS,),
                fill=("x",),
                value="v",
                value_range=(0.0, 1.0),
                draw=Draw(efficiency=True),
            ),
        ),
    )
)

KINDS: Final[dict[str, str]] = {
    "nothing to compare with": 'algorithm = "DeadChannel"\npath = "det/counts"\nscope = "both"',
    "map": 'algorithm = "DeadRegion"\npath = "det/map"',
    "catalogue": 'algorithm = "Chi2"\npath = "det/{counts,other,weights}"',
    "mean": 'algorithm = "Chi2"\npath = "det/mean"',
    "by LSs": 'algorithm = "Chi2"\npath = "det/counts"\nnormalise = "lumisections"\n'
    'scope = "last"\nlumisections = 3',
    "by luminosity": 'algorithm = "LikelihoodRatio"\npath = "det/counts"\n'
    'normalise = "luminosity"\nscope = "run"',
    "not normalised": 'algorithm = "KolmogorovSmirnov"\npath = "det/other"\nnormalise = "none"',
    "named": 'algorithm = "Chi2"\npath = "det/counts"\nreference = "second"',
    "named, for an hour": 'algorithm = "Chi2"\npath = "det/other"\nreference = "third"',
    "not there": 'algorithm = "Chi2"\npath = "det/counts"\nreference = "nobody made it"',
    "without one": 'algorithm = "Chi2"\npath = "det/new"',
    "several": 'algorithm = "BetaBinomial"\npath = "det/counts"',
    "band": 'algorithm = "RobustBand"\npath = "det/counts"\nparameters = { min_members = 3 }',
    "band by LSs": 'algorithm = "RobustBand"\npath = "det/counts"\nscope = "last"\n'
    'lumisections = 3\nnormalise = "lumisections"\nparameters = { min_members = 3 }',
    "band of means": 'algorithm = "RobustBand"\npath = "det/mean"\n'
    "parameters = { min_members = 3 }",
    "efficiency": 'algorithm = "EfficiencyMatchesReference"\npath = "det/efficiency"',
    "partner": 'algorithm = "DataEmulator"\npath = "det/Data/*"\nscope = "both"',
    "trend": 'algorithm = "LevelShift"\npath = "det/counts"\n'
    "parameters = { lumisections = 6, recent = 1 }",
    "rate": 'algorithm = "RateChange"\npath = "det/{counts,broken}"',
    "rate in the same beams": 'algorithm = "EntriesStopped"\npath = "det/counts"\n'
    'beam_mode = "STABLE BEAMS"',
    "plug-in": 'algorithm = "Plugin_good"\npath = "det/counts"',
    "plug-in that raises": 'algorithm = "Plugin_raises"\npath = "det/{counts,other}"',
    "since a change": 'algorithm = "Chi2"\npath = "det/{counts,broken}"\nscope = "change"\n'
    'since = ["beam_mode"]',
    "not all of it": 'algorithm = "DeadChannel"\npath = "det/broken"\nscope = "both"',
    "every third": 'algorithm = "MeanWithinExpected"\npath = "det/counts"\nevery = 3\n'
    "parameters = { mean = 10.0 }",
    "every third window": 'algorithm = "DeadChannel"\npath = "det/counts"\nevery = 3\n'
    'scope = "last"\nlumisections = 4',
    "on new inputs": 'algorithm = "DeadChannel"\npath = "det/other"\non = "any"',
    "not corrected": 'algorithm = "Chi2"\npath = "det/other"\nfalse_discovery = false',
    "too few": 'algorithm = "Chi2"\npath = "det/counts"\nmin_entries = 1000000000',
    "other beams": 'algorithm = "DeadChannel"\npath = "det/counts"\nbeam_mode = "NO BEAM"',
    "parts": 'algorithm = "DeadChannel"\npath = "det/counts"\nparts = ["bpix"]',
    "unknown condition": 'algorithm = "DeadChannel"\npath = "det/counts"\nrequire = "pileup > 5"',
    "switched off": 'algorithm = "DeadChannel"\npath = "det/counts"\nenabled = false',
}
"""A quality test of every kind, by its name."""

TESTS: Final = (
    "".join(f'[[quality_test]]\nname = "{name}"\n{text}\n' for name, text in KINDS.items())
    .replace("det/{counts,other,weights}", "regex:det/(counts|other|weights)")
    .replace("det/{counts,broken}", "regex:det/(counts|broken)")
    .replace("det/{counts,other}", "regex:det/(counts|other)")
)


# ------------------------------------------------------------------------ what is judged


def _contents(random: np.random.Generator, run: int, lumisection: int) -> Contents:
    contents = Contents.empty(LAYOUT)
    scale = 1.0 + 0.1 * random.random()
    shape = np.exp(-0.5 * ((np.arange(20) - 9.5) / (4 if run == GOOD else 4.3)) ** 2)
    for place in LAYOUT:
        cells = contents.cells[place.offset : place.offset + place.size]
        planes = cells[: place.planes * place.cells].reshape(place.planes, *place.extents)
        if place.element.path == "det/new" and run == GOOD:
            continue
        _fill(random, planes, place.element.path, scale * shape)
    if (run, lumisection) == (JUDGED, 6):
        place = LAYOUT["det/counts"]
        contents.cells[place.offset + 5 : place.offset + 9] = 0
        place = LAYOUT["det/other"]
        contents.cells[place.offset + 1] = 13
    if run == JUDGED and lumisection in {3, 5}:
        contents.mark_invalid(LAYOUT["det/broken"].index, f"no values in chunk {lumisection}")
    return contents


def _fill(
    random: np.random.Generator, planes: NDArray[np.int64], path: str, shape: NDArray[np.float64]
) -> None:
    if planes.ndim == 3:
        planes[0, 1:-1, 1:-1] = random.poisson(200.0, planes[0, 1:-1, 1:-1].shape)
        return
    entries = random.poisson(400 * shape + 20)
    planes[0, 1:-1] = entries
    if len(planes) == 3:
        place = LAYOUT[path]
        if path == "det/efficiency":
            passed = random.binomial(entries, 0.95)
            sums, squares = passed.astype(float), passed.astype(float)
        else:
            values = random.normal(20.0, 2.0, (len(entries), int(entries.max())))
            values[np.arange(values.shape[1]) >= entries[:, None]] = 0.0
            sums, squares = values.sum(axis=1), (values**2).sum(axis=1)
        planes[1, 1:-1] = np.round(np.ldexp(sums, place.bits))
        planes[2, 1:-1] = np.round(np.ldexp(squares, place.square_bits))


def _conditions(run: int, lumisection: int) -> Conditions:
    late = run == JUDGED and lumisection >= CHANGED
    return Conditions(
        run=run,
        lumisection=lumisection,
        run_type="pp_run",
        fill=9_999,
        beam_mode="ADJUST" if late else "STABLE BEAMS",
        recorded=0.25 + 0.01 * lumisection,
        dcs={"bpix": lumisection != 2},
    )


def _pieces(run: int, lumisection: int) -> Iterator[HistogramSet]:
    """An LS first as it stands while it is open, then closed."""
    random = np.random.default_rng([run, lumisection])
    contents = _contents(random, run, lumisection)
    source = SourceAccount(source="s", incarnation="i", rereadable=True, chunks=b"\x01", marker=1)
    by = "run_close" if lumisection == LSS else "markers"
    for closed in (False, True):
        yield HistogramSet(
            set=_SET,
            run=run,
            lumisection=lumisection,
            segment=0,
            workspace="det",
            partition=0,
            partitions=1,
            booking=LAYOUT.hash,
            through=10 * lumisection + closed,
            epoch=0,
            closed=closed,
            whole=True,
            writer="filler",
            account=Account(sources=(source,), closed_by=by if closed else ""),
            published=10**18,
            cells=contents.encode(),
            invalid=contents.invalid,
        )


def _sent(run: int) -> Iterator[tuple[str, str, Message]]:
    for number in range(1, LSS + 1):
        told = _conditions(run, number)
        yield CONDITIONS, f"{run}/{number}", told
    # The fifth LS closes late: a trend of the sixth has not seen it.
    order = [1, 2, 3, 4, 6, 5, 7, 8]
    for number in order:
        for piece in _pieces(run, number):
            yield HISTOGRAMS, "det", piece


async def _send(log: Log, run: int) -> None:
    for topic, key, message in _sent(run):
        await log.send([outgoing(topic, 0, message, key.encode())])


# ------------------------------------------------------------------------ services


async def judged_run(folder: Path) -> None:
    """Record run 1, make references of it, and judge run 2."""
    clock, plugins = SettableClock(), load_plugins(PLUGINS)
    tests, url = read_tests(TESTS, "tests", plugins.algorithms), _url(folder)
    async with _log(folder, clock) as log:
        await make_topics(log, 1)
        await log.send(
            [
                outgoing(BOOKINGS, 0, LAYOUT.booking, f"booking/{LAYOUT.hash}".encode()),
                outgoing(
                    BOOKINGS,
                    0,
                    Activation(set=_SET, workspaces=("det",), from_run=1, who="t", when=1),
                    b"activation",
                ),
            ]
        )
        with closing(Workers(plugins)) as workers:
            async with asyncio.TaskGroup() as tasks:
                services = [
                    tasks.create_task(one)
                    for one in (
                        run_comparator(
                            log,
                            tests,
                            clock=clock,
                            ready=lambda: None,
                            algorithms=plugins.algorithms,
                            workers=workers,
                        ),
                        run_recorder(
                            log,
                            url,
                            clock=clock,
                            ready=lambda: None,
                            settings=RecorderSettings(idle=0.2),
                        ),
                    )
                ]
                await _send(log, GOOD)
                await _recorded(log, url, GOOD)
                await _make_references(log, url, clock)
                await _send(log, JUDGED)
                await _recorded(log, url, JUDGED)
                for task in services:
                    task.cancel()


async def _recorded(log: Log, url: str, run: int) -> None:
    """Wait for the last reports of a run, and for whatever else is on the log with them."""
    async with asyncio.timeout(240):
        while True:
            with Store(url) as store:
                found = await asyncio.to_thread(store.reports, run, limit=1_000)
                stored = await asyncio.to_thread(store.positions)
            scopes = {one.scope for one in found.items if one.lumisection == LSS and one.closed}
            late = any(one.lumisection == 5 and one.closed for one in found.items)
            if {"lumisection", "run", "change:beam_mode"} <= scopes and late:
                ends = {at: (await log.bounds(*at)).end for at in recorded_places(log)}
                if all(stored.get(at, 0) >= end for at, end in ends.items()):
                    return
            await asyncio.sleep(0.1)


async def _make_references(log: Log, url: str, clock: Clock) -> None:
    """Three histograms, the last of which expires, and a band."""
    with Store(url) as store:
        desk = ReferenceDesk(log, Archive(store), clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(desk.run())
            windows = {"first": (1, 8), "second": (1, 4), "third": (5, 8), "band": (1, 8)}
            for name, window in windows.items():
                rank = list(windows).index(name)
                await _make_reference(desk, clock, name, window, rank=rank, run=GOOD)
            running.cancel()


async def _make_reference(
    desk: ReferenceDesk, clock: Clock, name: str, window: tuple[int, int], *, rank: int, run: int
) -> None:
    described = Described(
        name=name,
        workspace="det",
        owner="experts",
        reason="good",
        rank=rank,
        expires=clock.wall() + _HOUR if name == "third" else None,
    )
    per = "entries" if name == "band" else None
    asked = AskedData(runs={run: [window]}, per=per)
    await desk.make(described, asked, desk.decision("accepted", "ann", "good"))


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.sqlite'}"


def _log(folder: Path, clock: Clock) -> Any:
    settings = EmbeddedSettings(fsync=False)
    return EmbeddedLog.open(folder / "log", clock=clock, settings=settings)


# ------------------------------------------------------------------------ afterwards


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A gateway on what was recorded, its routes, and what it stands on."""

    client: httpx.AsyncClient
    quality: QualityDesk
    references: ReferenceDesk
    archive: Archive
    clock: SettableClock

    async def reports(self, run: int = JUDGED) -> list[QualityReports]:
        """All that is stored of closed LSs."""

        def work() -> list[QualityReports]:
            shelf, found = self.archive.shelf(run), list[QualityReports]()
            assert shelf is not None
            for number in range(1, LSS + 1):
                found += self.archive.reports(shelf, run, number)
            return [one for one in found if one.closed]

        return await asyncio.to_thread(work)

    async def explain(self, of: QualityReports, path: str, qtname: str, status: int = 200) -> Any:
        asked = {
            "lumisection": of.lumisection,
            "workspace": of.workspace,
            "path": path,
            "qtname": qtname,
            "scope": of.scope,
        }
        answer = await self.client.get(f"/api/v1/runs/{of.run}/explain", params=asked)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, route: str, body: dict[str, Any], status: int = 200) -> Any:
        answer = await self.client.post(f"/api/v1/{route}", json=body, headers=bearer(Role.EXPERT))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def dry_run(self, text: str, status: int = 200, **asked: Any) -> Any:
        body = {"text": text, "run": JUDGED, **({"whole": True} | asked)}
        return await self.post("quality-tests/dry-run", body, status)

    def version(self, name: str) -> Reference:
        return self.references.known.catalogue.history(name)[-1]


async def make_reference(system: Opened, name: str, run: int, window: tuple[int, int]) -> None:
    """One more, of any run."""
    await _make_reference(system.references, system.clock, name, window, rank=9, run=run)


@asynccontextmanager
async def opened(
    folder: Path, *, text: str = TESTS, plugins: Plugins | None = None
) -> AsyncIterator[Opened]:
    """A gateway that was started with some tests, by default those that judged."""
    clock = SettableClock()
    plugins = plugins or load_plugins(PLUGINS)
    settings = GatewaySettings(limits=Limits(requests_per_second=0), allowed_hosts=("localhost",))
    store = await asyncio.to_thread(Store, _url(folder))
    archive = Archive(store)
    tests = await asyncio.to_thread(read_tests, text, "tests", plugins.algorithms)
    async with _log(folder, clock) as log, Desk.open() as thread, asyncio.TaskGroup() as tasks:
        await make_topics(log, 1)
        references = ReferenceDesk(log, archive, clock)
        quality = QualityDesk(log, archive, references, clock, tests, plugins=plugins)
        parts = replace(
            parts_of(LiveView(), thread, settings, archive),
            access=access(),
            clock=clock,
            references=references,
            quality=quality,
        )
        running = [tasks.create_task(one.run()) for one in (references, quality)]
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await references.ready()
            yield Opened(
                client=client,
                quality=quality,
                references=references,
                archive=archive,
                clock=clock,
            )
        for task in running:
            task.cancel()
    await asyncio.to_thread(store.close)
