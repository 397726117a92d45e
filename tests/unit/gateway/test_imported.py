"""Imported histograms beside what was filled here: neither hides the other, live or stored."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from dqmstream.messages.booking import Activation, Regular
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.sources.histograms.fitting import fit
from dqmstream.sources.histograms.histogram import ImportedHistogram
from dqmstream.sources.histograms.sets import imported_sets
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.library import Library
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from tests.unit.gateway.parts import parts_of

RUN = "/api/v1/runs/400001"
PATH = "Elsewhere/charge"
BINS = {1: [0, 1, 2, 3, 0], 4: [0, 5, 0, 0, 1], 9: [2, 0, 0, 7, 0]}


def imported(
    run: int, *, workspace: str = "imported", contents: Mapping[int, list[int]] = BINS
) -> list[Message]:
    """What an import of three LSs of a run brings to the log, or of others."""
    found = [
        ImportedHistogram(
            run=run,
            lumisection=lumisection,
            path=PATH,
            title="",
            axes=(Regular(bins=3, lower=0.0, upper=3.0),),
            kind="values",
            values=np.array(bins),
            source="file.root",
            where="",
        )
        for lumisection, bins in contents.items()
    ]
    ((made,), _) = fit(found, workspace=workspace)
    pieces = imported_sets(made, {"file.root": "f"}, writer="import")
    names = {"run": run, "source": "file.root", "incarnation": "f"}
    start = RunStart(
        **names,
        rereadable=True,
        partitions=1,
        first_lumisection=1,
        run_type="",
        marks=("imported",),
    )
    end = RunEnd(**names, rereadable=True, partitions=1, last_lumisection=9)
    activation = Activation(
        set=pieces[0].set, workspaces=(workspace,), from_run=run, who="import", when=5
    )
    return [made.layout.booking, activation, start, *pieces, end]


def own(detector: Detector) -> Iterator[Message]:
    """Two LSs filled here, the second still open, in a run that goes on."""
    yield from detector.announce()
    yield from detector.fill(1, 100)
    yield from detector.close(1)
    yield from detector.fill(2, 50)


@dataclass
class Asked:
    """A gateway on these messages."""

    client: httpx.AsyncClient

    async def get(self, route: str) -> Any:
        answer = await self.client.get(route)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(params=["live", "stored"])
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[LiveView, Archive]]:
    """The same run, in memory or in the store."""
    detector, view = Detector(), LiveView()
    taken = [*own(detector), *detector.close(2), *imported(400_001)]
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    writer = StoreWriter(url, log="log")
    store = Store(url)
    if request.param == "live":
        for message in taken:
            view.apply(message, 1)
    else:
        written = writer.write(taken, {})
        assert len(written.closed) == 7  # two workspaces of two LSs, and three imported ones
    yield view, Archive(store)
    store.close()
    writer.close()


@pytest.fixture
async def asked(held: tuple[LiveView, Archive]) -> AsyncIterator[Asked]:
    """A gateway over it."""
    view, archive = held
    async with Desk.open() as desk:
        transport = httpx.ASGITransport(create_app(parts_of(view, desk, view.settings, archive)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Asked(client)


async def test_a_run_shows_its_own_workspaces_and_the_imported_one(asked: Asked) -> None:
    run = await asked.get(RUN)
    assert run["workspaces"] == ["imported", "pixel", "trigger"]
    assert run["run"]["events"] == 150
    rows = (await asked.get(f"{RUN}/lumisections"))["lumisections"]
    assert [(row["lumisection"], row["seen"]) for row in rows] == [
        (1, 100),
        (2, 50),
        (4, 0),
        (9, 0),
    ]
    assert [row["closed_by"] for row in rows] == [
        ["imported", "markers"],
        ["markers"],
        ["imported"],
        ["imported"],
    ]


async def test_windows_of_each_workspace_cover_its_own_lumisections(asked: Asked) -> None:
    """A sum over the run has all three imported LSs, and the two of our own."""
    (contents,) = (await asked.get(f"{RUN}/contents?path={PATH}"))["contents"]
    assert contents["arrays"]["values"] == np.sum(list(BINS.values()), axis=0).tolist()
    trend = await asked.get(f"{RUN}/trend?path={PATH}&quantity=entries")
    assert trend["lumisections"] == [1, 4, 9]
    assert trend["values"] == [6, 6, 9]
    trend = await asked.get(f"{RUN}/trend?path=pixel/charge&quantity=entries")
    assert trend["lumisections"] == [1, 2]


async def test_what_was_imported_of_a_whole_run_is_no_lumisection_of_a_stored_run(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    bins = [0, 1, 2, 3, 0]

    def write() -> None:
        writer = StoreWriter(url, log="log")
        writer.write(imported(7, contents={0: bins}), {})
        writer.write(imported(8, contents={0: bins, 3: bins, 4: bins}), {})
        assert writer.missing(1) == {}, "LS 1 and 2 were never there"
        writer.close()

    await asyncio.to_thread(write)
    store = await asyncio.to_thread(Store, url)
    async with Desk.open() as desk:
        rows = (await Library(LiveView(), desk, Archive(store)).runs(None, 9))["runs"]
    await asyncio.to_thread(store.close)
    told = [(row["run"], row["first_lumisection"], row["last_lumisection"]) for row in rows]
    assert told == [(8, 0, 4), (7, 0, 0)]
    assert [row["lumisections"] for row in rows] == [4, 0]


def test_a_run_that_goes_on_stays_current_and_in_memory_beside_hundreds_of_imports() -> None:
    detector = Detector()
    view = LiveView(GatewaySettings(limits=Limits(live_runs=3)))
    for message in own(detector):
        view.apply(message, 1)
    for run in range(100, 300):
        for message in imported(run):
            view.apply(message, 2)
    for message in detector.close(2):
        view.apply(message, 3)
    view.refresh()
    assert view.current is not None
    assert view.current.number == 400_001
    assert len(view.runs) == 3
    assert not view.current.ended
    assert view.current.events == 150
    assert view.rejected == {}


def test_an_import_that_ends_does_not_end_the_run_it_is_of() -> None:
    detector = Detector()
    view = LiveView()
    for message in [*own(detector), *imported(400_001)]:
        view.apply(message, 1)
    view.refresh()
    run = view.current
    assert run is not None
    assert not run.ended
    assert run.run_type == "pp_run"
    records = run.lumisections()
    assert [(n, record.closed) for n, record in records.items()] == [
        (1, True),
        (2, False),
        (4, True),
        (9, True),
    ]
    assert records[1].account.sources == ("file.root", "made-up")


def test_where_only_imports_are_the_newest_is_current() -> None:
    view = LiveView()
    for stamp, run in enumerate((7, 5)):
        for message in imported(run):
            view.apply(message, stamp)
    view.refresh()
    assert view.current is not None
    assert view.current.number == 5
    pieces = [m for m in imported(5) if isinstance(m, HistogramSet)]
    assert sorted(view.current.lumisections()) == [piece.lumisection for piece in pieces]
