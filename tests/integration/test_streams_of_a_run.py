"""Two streams of one run, each with products that the other lacks, from files to plots."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from dqmstream.booking.fill import required_columns
from dqmstream.client import Client, Element
from dqmstream.client.errors import GatewayError
from dqmstream.histograms.element import MonitorElement
from dqmstream.sources.cms.columns import column_names
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.madeup.plan import Plan
from dqmstream.sources.cms.madeup.stream import STREAMS, MadeUpRun
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.testing import fill
from dqmstream.workspaces.registry import load_workspaces
from playback.bench.program import finished, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PLAN = Plan(events=60, filled=0.9)
WORKSPACES = {
    "tracking": ("beamspot", "Tracking"),
    "vertex": ("beamspot", "Vertex"),
    "fed": ("scouting", "FED"),
    "scouting": ("scouting", "Scouting"),
}
"""Which stream has what a workspace reads, and where its elements are."""
FOLDERS = (
    *("DQMStream/**", "Tracking/**", "Vertex/**", "FED/**", "BeamSpot/**", "StreamConditions/**"),
    *("Scouting/[a-i]**", "Scouting/[j-q]**", "Scouting/[r-z]**"),
)
"""Of no more elements than one answer holds."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a run with both streams, two LSs each, and its end."""
    run = tmp_path / "ramdisk" / f"run{PLAN.run}"
    run.mkdir(parents=True)
    for stream in STREAMS.values():
        made = MadeUpRun(PLAN, stream.branches, written=stream.written)
        for lumisection in (1, 2):
            made.write(run, lumisection, stream.name)
    (run / f"run{PLAN.run}_ls0000_EoR.jsn").touch()
    return run


def filled_directly(workspace: str, folder: Path, lumisection: int) -> dict[str, MonitorElement]:
    """Elements that read products, filled with the events of the one stream that has them."""
    stream = STREAMS[WORKSPACES[workspace][0]]
    (booking,) = load_workspaces([workspace])
    read = ReadSettings().reading(required_columns(booking))
    (path,) = folder.glob(f"*_ls{lumisection:04}_{stream.name}_*.dat")
    reading = {
        one.path
        for one in booking.elements
        if not required_columns(structs.replace(booking, elements=(one,))) <= column_names()
    }
    found = fill(booking, *StreamerFile(path, read).batches())
    return {path: element for path, element in found.items() if path in reading}


def closed(client: Client, match: str, lumisection: int) -> list[Element]:
    """Elements of an LS, once all of it is there."""
    while True:
        try:
            found = client.elements(match=match, run=PLAN.run, lumisections=lumisection)
        except GatewayError:
            found = []  # the gateway has nothing of a workspace so far
        if found and all(one.lumisections == 1 and one.closed for one in found):
            return found
        time.sleep(0.1)


@pytest.mark.parametrize("command", ["replay", "watch"])
def test_each_stream_fills_its_workspaces_as_if_it_were_alone(
    command: str, folder: Path, tmp_path: Path
) -> None:
    """Nothing is invalid, no event of one stream counts as one without the other's products."""
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    played = [command, str(folder if command == "replay" else folder.parent)]
    with running(played, settings) as program, Client(program.address) as client:
        assert any(line.startswith(f"run {PLAN.run} LS    2 ") for line in program.lines())
        for lumisection in (1, 2):
            found = [closed(client, match, lumisection) for match in FOLDERS]
            shown = {one.path: one for elements in found for one in elements}
            assert {path: one.invalid for path, one in shown.items() if one.invalid} == {}
            assert shown["DQMStream/events"].value == 2 * PLAN.events
            for name, (_, place) in WORKSPACES.items():
                alone = filled_directly(name, folder, lumisection)
                assert {path for path in shown if path.startswith(f"{place}/")} >= alone.keys()
                for path, mine in alone.items():
                    if shown[path].kind in {"histogram", "profile"}:
                        assert np.array_equal(shown[path].counts(flow=True), mine.counts(flow=True))
                    else:
                        assert shown[path].value == mine.value, path
            known = client.element(
                "StreamConditions/pileup", run=PLAN.run, lumisections=lumisection
            )
            assert known.value == pytest.approx(PLAN.pileup, rel=1e-3)


def test_of_two_runs_each_is_judged_by_what_its_streams_have(folder: Path, tmp_path: Path) -> None:
    """Workspaces are those of both runs; what a run has not is no fault of it, and not green."""
    (folder / f"run{PLAN.run}_ls0000_EoR.jsn").unlink()
    other = tmp_path / "ramdisk" / "run400001"
    other.mkdir()
    stream = STREAMS["scouting"]
    run = MadeUpRun(Plan(run=400001, events=60), stream.branches, written=stream.written)
    run.write(other, 1, stream.name)
    for path in folder.glob(f"*{stream.name}*"):
        shutil.move(path, tmp_path)
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    command = ["replay", str(folder), str(other), "--exit", "--json"]
    document = finished(command, settings, timeout=400)
    for played in document["runs"]:
        assert "INVALID" not in played["outcomes"]
        assert played["outcomes"]["NOT_RUN"] >= 5 * len(played["lumisections"])
