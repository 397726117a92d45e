"""Real event files in the workspaces that fit them, against figures of an independent reader."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import uproot

from dqmstream.booking.columns import decode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Integer, Regular
from dqmstream.sources.tables import TableSettings, TableSource, table_sources
from dqmstream.workspaces import load_workspaces
from dqmstream.workspaces.fitting import fitting, needed_columns
from playback.retiming import RetimedRun

pytestmark = pytest.mark.realdata

NANO = ("nano_electron", "nano_jet", "nano_met", "nano_muon", "nano_vertex")


class Filled:
    """All LSs of sources in the workspaces that fit them."""

    def __init__(self, sources: Sequence[TableSource]) -> None:
        self.bookings = fitting(load_workspaces(), sources[0].columns)
        self.totals = {b.workspace: Contents.empty(Layout(b)) for b in self.bookings}
        self.events: dict[tuple[int, int], int] = {}
        fillers = {b.workspace: WorkspaceFiller(Layout(b)) for b in self.bookings}
        wanted = needed_columns(self.bookings)
        for source in sources:
            read = source.reading(wanted)
            for one in read.lumisections(0):
                for number, chunk in enumerate(one.chunks()):
                    where = (source.run, one.lumisection)
                    self.events[where] = self.events.get(where, 0) + chunk.selected
                    columns = decode_batch(chunk.body, selected=chunk.selected)
                    for name, filler in fillers.items():
                        filler.fill(self.totals[name], columns, source=source.name, number=number)
            read.close()

    @property
    def workspaces(self) -> tuple[str, ...]:
        return tuple(self.totals)

    def element(self, path: str) -> MonitorElement:
        contents = next(c for c in self.totals.values() if path in c.layout)
        return MonitorElement(contents, contents.layout[path])

    @property
    def invalid(self) -> dict[str, str]:
        return {
            contents.layout.elements[element].element.path: reason
            for contents in self.totals.values()
            for element, reason in contents.invalid.items()
        }


def filled(path: Path, **settings: Any) -> Filled:
    usual = {"chunk_events": 10_000}
    sources, skipped = table_sources([path], TableSettings(**{**usual, **settings}))
    assert skipped == []
    return Filled(sources)


def test_real_events_of_2012_in_parquet(real_data: Path) -> None:
    path = real_data / "events-nano" / "Run2012B_SingleMu-1000.parquet"
    found = filled(path)
    assert found.events == {(194711, 299): 693, (195916, 64): 307}
    assert found.workspaces == NANO
    table = pq.read_table(path)
    muons = pc.list_flatten(table["Muon_pt"])
    assert found.element("NanoMuon/pt").entries == len(muons) == 1328
    assert found.element("NanoMuon/highest_pt").value == pytest.approx(pc.max(muons).as_py())
    for column, element in (("MET_pt", "NanoMET/MET/pt"), ("PV_npvs", "NanoVertex/number")):
        values = table[column].to_numpy()
        assert found.element(element).entries == len(values)
        within = values[values < {"MET_pt": 200, "PV_npvs": 100}[column]]
        exact = 0.0 if column == "PV_npvs" else 0.2  # bins of 2 GeV
        assert _mean(found.element(element)) == pytest.approx(within.mean(), abs=exact + 1e-9)


def test_elements_whose_column_is_missing_are_invalid_by_name_and_the_others_go_on(
    real_data: Path,
) -> None:
    found = filled(real_data / "events-nano" / "Run2012B_SingleMu-1000.parquet")
    assert found.invalid["NanoMET/sum_et"] == "column MET_sumEt is missing"
    assert found.invalid["NanoJet/chHEF"] == "column Jet.chHEF is missing"
    assert found.invalid["NanoVertex/good"] == "column PV_npvsGood is missing"
    assert not any(path.startswith("NanoMuon") for path in found.invalid)
    assert found.element("NanoMET/significance").entries == 1000


def test_real_events_of_2018_in_a_tree_of_1601_branches(real_data: Path) -> None:
    path = real_data / "events-nano" / "nano_dimuon.root"
    found = filled(path)
    assert found.events == {(315267, 205): 40}
    assert found.workspaces == NANO
    assert found.invalid == {}
    with uproot.open(path) as file:
        muons = ak.flatten(file["Events"]["Muon_pt"].array())
    assert found.element("NanoMuon/objects").value == len(muons) == 84
    assert ak.mean(muons) == pytest.approx(15.5536, abs=1e-4)


def test_simulated_events_are_marked_and_their_lumisections_far_apart(real_data: Path) -> None:
    path = real_data / "events-nano" / "SIMULATED_NanoAODv5_sample.root"
    (source,), _ = table_sources([path], TableSettings(chunk_events=10_000))
    assert source.marks == ("simulated",)
    assert source.filled == (149, 150, 151, 2501, 2502, 2503, 2541, 30303, 35021, 35022, 35023)
    run = RetimedRun([source], run=1).reading({"PV_npvs"})
    assert run.marks == ("re-timed", "simulated")
    vertices = [
        decode_batch(chunk.body, selected=chunk.selected).values["PV_npvs"]
        for one in run.lumisections(0)
        for chunk in one.chunks()
    ]
    assert [len(values) for values in vertices][:3] == [99, 96, 86]
    assert sum(map(len, vertices)) == 1000
    assert np.concatenate(vertices).mean() == pytest.approx(28.441)


def test_pairs_of_muons_without_lumisections(real_data: Path) -> None:
    path = real_data / "events-nano" / "uproot-Zmumu_2010.root"
    sources, _ = table_sources([path])
    assert {source.marks for source in sources} == {("lumisections-assigned",)}
    found = Filled(sources)
    assert sum(found.events.values()) == 2304
    assert {run for run, _ in found.events} == {148029, 148031}
    assert found.workspaces == ("dimuon",)
    assert found.invalid == {}
    with uproot.open(path) as file:
        mass = file["events"]["M"].array(library="np")
    assert found.element("Dimuon/mass").entries == len(mass)
    within = mass[mass < 120]
    assert _mean(found.element("Dimuon/mass")) == pytest.approx(within.mean(), abs=0.3)


@pytest.mark.parametrize(
    ("name", "events", "runs"), [("Zmumu_Run2011A", 10583, 19), ("murun2010b_0", 10000, 11)]
)
def test_pairs_of_muons_in_csv(real_data: Path, name: str, events: int, runs: int) -> None:
    found = filled(real_data / "events-csv" / f"{name}.csv")
    assert sum(found.events.values()) == events
    assert len({run for run, _ in found.events}) == runs
    assert max(found.events.values()) == 100
    assert found.workspaces == ("dimuon",)
    assert found.invalid == {}
    assert found.element("Dimuon/signs").entries == events


def test_luminometers_of_a_scan(real_data: Path) -> None:
    path = real_data / "bril-stream" / "bril_6854_run318817.root"
    found = filled(path)
    assert {run for run, _ in found.events} == {318817}
    assert sorted(number for _, number in found.events) == list(range(90, 168))
    assert sum(found.events.values()) == 128_544
    assert found.workspaces == ("bril_lumi", "bril_lumi_plt")
    assert found.invalid == {}
    bunches = np.asarray(found.element("BRILLumi/bunches").values())
    assert np.count_nonzero(bunches) == 104
    assert bunches.sum() == 128_544
    with uproot.open(path) as file:
        bx, hfoc = (file["lumi"][name].array(library="np") for name in ("bx", "hfoc"))
    by_bunch = np.asarray(found.element("BRILLumi/hfoc/by_bunch").values())
    assert by_bunch[62 - 1] == pytest.approx(hfoc[bx == 62].astype(float).mean(), rel=1e-6)
    assert hfoc.astype(float).mean() == pytest.approx(3.14037, abs=1e-5)
    assert found.element("BRILLumi/hfoc/highest").value == pytest.approx(9.6156225)


def test_a_luminometer_that_fails_stands_out(real_data: Path) -> None:
    found = filled(real_data / "bril-stream" / "bril_7358_run325309.root")
    assert sorted(number for _, number in found.events) == list(range(9, 42))
    assert sum(found.events.values()) == 13_390
    assert found.workspaces == ("bril_lumi", "bril_lumi_pixel")
    highest = {
        name: found.element(f"BRILLumi/{name}/highest").value
        for name in ("pcc", "hfoc", "hfet", "bcm", "plt")
    }
    assert highest["plt"] == pytest.approx(59.4513)
    assert max(value for name, value in highest.items() if name != "plt") < 18
    beyond = found.element("BRILLumi/plt/value")
    assert np.asarray(beyond.values(flow=True))[-1] > 0


def _mean(element: MonitorElement) -> float:
    """Of the bins' values, each at the centre of its bin; of one bin a number at that number."""
    axis = element.axes[0]
    if isinstance(axis, Regular):
        edges = np.linspace(axis.lower, axis.upper, axis.bins + 1)
        places = (edges[1:] + edges[:-1]) / 2
    else:
        assert isinstance(axis, Integer)
        places = np.arange(axis.lower, axis.upper)
    return float(np.average(places, weights=np.asarray(element.values())))
