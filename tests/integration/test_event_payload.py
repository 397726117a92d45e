"""What is inside the events of CMS streams, from files to plots: as a user starts the program."""

import os
import re
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from dqmstream.booking.columns import decode_batch
from dqmstream.booking.fill import required_columns
from dqmstream.client import Client, Element, GatewayError
from dqmstream.histograms.element import MonitorElement
from dqmstream.identity import LumisectionId
from dqmstream.messages.booking import Booking
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.madeup.plan import TRACKING_BRANCHES, FedFault, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.payload import Compression
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import streamer_sources
from dqmstream.sources.cms.writer import new_event, write_streamer_file
from dqmstream.testing import fill
from dqmstream.workspaces.registry import load_workspaces
from playback.bench.program import Program, finished, running
from tests.integration.conftest import PATIENCE

# The first decoding may have to compile the kernels.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RAW = Branch("FEDRawDataCollection", "hltFEDSelectorL1", "", "HLT")
RUN = 346373
TRACKS = {27: 907, 28: 742}
_EVENT_NUMBER = 78
"""Where in a payload its event number stands."""
VERTICES = {27: 83, 28: 57}
"""Source: figures of an independent reader of the files."""


def booked(name: str) -> Booking:
    """An installed workspace."""
    (found,) = load_workspaces([name])
    return found


def filled_directly(workspace: Booking, *paths: Path) -> dict[str, MonitorElement]:
    """A workspace filled with all events of files in one go, by no service."""
    columns = required_columns(workspace)
    read = ReadSettings(chunk_events=1 << 20, chunk_bytes=1 << 30).reading(columns)
    return fill(workspace, *(b for path in paths for b in StreamerFile(path, read).batches()))


def assert_equal(shown: list[Element], made: dict[str, MonitorElement]) -> None:
    """The same elements, cell by cell, flow and what no cell holds included."""
    assert sorted(one.path for one in shown) == sorted(made)
    for one in shown:
        mine = made[one.path]
        assert (one.entries, one.nan, one.outside) == (mine.entries, mine.nan, mine.outside)
        assert one.invalid == mine.invalid == ""
        if one.kind in {"histogram", "profile"}:
            assert np.array_equal(one.counts(flow=True), mine.counts(flow=True)), one.path
            assert np.array_equal(one.values(flow=True), mine.values(flow=True), equal_nan=True)
        else:
            assert one.value == mine.value, one.path


def wait_for(program: Program, run: int, last: int) -> None:
    """Until the program has told the last LS of a run."""
    assert any(line.startswith(f"run {run} LS {last:>4} ") for line in program.lines())


def closed(client: Client, match: str, run: int, lumisection: int) -> list[Element]:
    """Elements of an LS once the gateway has all of it."""
    until = time.monotonic() + 100
    while True:
        try:
            found = client.elements(match=match, run=run, lumisections=lumisection)
        except GatewayError:  # it does not know the run, or the LS
            if time.monotonic() > until:
                raise
            found = []
        if found and all(one.closed for one in found):
            return found
        assert time.monotonic() < until, f"LS {lumisection} of run {run} is not closed"
        time.sleep(0.05)


@pytest.mark.realdata
def test_plots_of_real_tracks_and_vertices_equal_a_batch_fill(
    real_data: Path, tmp_path: Path
) -> None:
    """Over HTTP, of each LS and of the run; with the known numbers of tracks and vertices."""
    folder = real_data / "cms-streamer"
    files = {ls: next(folder.glob(f"run{RUN}_ls{ls:04}_*.jsn")) for ls in TRACKS}
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    replay = ["replay", *map(str, files.values())]
    with running(replay, settings) as program, Client(program.address) as client:
        wait_for(program, RUN, 28)
        for name, folder_name in (("tracking", "Tracking"), ("vertex", "Vertex")):
            workspace = booked(name)
            for lumisection, path in files.items():
                shown = closed(client, f"{folder_name}/**", RUN, lumisection)
                assert_equal(shown, filled_directly(workspace, path))
            of_both = filled_directly(workspace, *files.values())
            for one in client.elements(match=f"{folder_name}/**", run=RUN):
                assert one.entries == of_both[one.path].entries
        numbers = {
            folder_name: {
                ls: client.element(f"{folder_name}/number", run=RUN, lumisections=ls).value
                for ls in files
            }
            for folder_name in ("Tracking", "Vertex")
        }
        assert numbers == {"Tracking": TRACKS, "Vertex": VERTICES}


@pytest.mark.realdata
def test_a_real_scouting_stream_fills_the_workspaces_that_fit(
    real_data: Path, tmp_path: Path
) -> None:
    """Nothing of it is unknown or broken, and nothing complains."""
    files = sorted(map(str, (real_data / "cms-streamer").glob("run392642*.jsn")))
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    document = finished(["replay", *files, "--exit", "--json"], settings, timeout=240)
    (run,) = document["runs"]
    assert (run["selected"], run["notes"]) == (35, {})
    assert [report["named_flaws"] for report in run["files"]] == [{}]
    assert run["outcomes"].keys() <= {"GOOD", "INSUFFICIENT", "DISABLED", "NOT_RUN"}


def test_expected_feds_that_are_not_there_are_named(tmp_path: Path) -> None:
    """From the command line to the plot of a watched folder."""
    folder = tmp_path / "ramdisk" / "run400000"
    folder.mkdir(parents=True)
    faults = {601: FedFault(missing=1.0)}
    run = MadeUpRun(Plan(feds=(600, 601, 1404), events=20, fed_faults=faults), (RAW,))
    for lumisection in (1, 2):
        run.write(folder, lumisection)
    (folder / "run400000_ls0000_EoR.jsn").touch()
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    watch = ["watch", str(folder.parent), "--feds", "600-601,1404", "--workspaces", "fed"]
    with running(watch, settings) as program, Client(program.address) as client:
        wait_for(program, 400000, 2)
        (missing,) = closed(client, "FED/missing", 400000, 2)
    counts = {int(missing.edges()[fed]): count for fed, count in enumerate(missing.values())}
    assert {fed: count for fed, count in counts.items() if count} == {601: 20}


# ------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A system that has played an LS of 8 events, of which 3 have tracks of the next version."""
    folder = tmp_path_factory.mktemp("unknown")
    run = MadeUpRun(Plan(filled=1.0, events=8), TRACKING_BRANCHES)
    init, place = run.init(), LumisectionId(run.plan.run, 1)
    events = []
    for number in range(8):
        raw = run.payload(1, number)
        if number < 3:
            raw = raw.replace(b"\x40\x09\x00\x14", b"\x40\x09\x00\x15", 1)
        own = run.auxiliary(1, number)
        events.append(new_event(init, place, own.event, run.states(1, number), raw))
    path = folder / "run400000_ls0001_streamTest_pid1.dat"
    write_streamer_file(path, init, events)
    settings = {"data": str(folder / "data"), "port": "0"}
    with running(["replay", str(path)], settings) as program:
        assert any(line.startswith("run 400000 LS    1 ") for line in program.lines())
        yield program


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in which nothing breaks."""
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    await page.close()
    assert broken == []


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_says_which_product_events_are_without(unknown: Program, page: Page) -> None:
    """On the LS and in the accounting: class, version, and how many events; the others are good."""
    await page.goto(unknown.address)
    words = "3 events without reco::Track v21, which is not known"
    cell = page.locator("#strip button[role=option]").first
    await expect(cell).to_have_attribute("title", re.compile(re.escape(words)))
    await expect(page.get_by_text(words).first).to_be_attached()


# ------------------------------------------------------------------------ large files


def test_a_large_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """Events of 1 MB, 256 of them; DQMSTREAM_TEST_STREAMER_MB says how many if not."""
    events = int(os.environ.get("DQMSTREAM_TEST_STREAMER_MB", "256"))
    run = MadeUpRun(Plan(feds=tuple(range(600, 856)), fed_bytes=4000), (RAW,))
    raw, own = run.payload(1, 0), run.auxiliary(1, 0)
    place = slice(_EVENT_NUMBER, _EVENT_NUMBER + 8)
    assert int.from_bytes(raw[place]) == own.event
    init, lumisection = run.init(), LumisectionId(run.plan.run, 1)
    messages = (
        new_event(
            init,
            lumisection,
            number,
            [1] * len(run.paths),
            raw[: place.start] + number.to_bytes(8) + raw[place.stop :],
            compression=Compression.UNCOMPRESSED,
        )
        for number in range(1, events + 1)
    )
    path = tmp_path / "run400000_ls0001_streamTest_pid1.dat"
    write_streamer_file(path, init, messages)
    (source,), _ = streamer_sources([path.with_suffix(".jsn")])
    read = source.reading({"fed.crc_ok", "fed.size"})
    for one in read.lumisections(0):
        next(iter(one.chunks()))  # compiles, which takes more memory than any file
    (ls,) = read.lumisections(0)
    held = good = 0
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for chunk in ls.chunks():
            held = max(held, pa.total_allocated_bytes() - before)
            fed = decode_batch(chunk.body, selected=chunk.selected).collections["fed"]
            good += np.count_nonzero(fed.members["crc_ok"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > events << 20
    assert good == 256 * events
    assert ls.notes() == {}
    assert peak + held < 120 << 20
