"""Real histograms that CMS and others filled, through the import: the figures of their files.

Figures were taken from the files with csv, numpy, uproot and h5py alone.
"""

import gzip
import math
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Integer, Regular
from dqmstream.sources.histograms.describe import AxisWords, Dataset, Description
from playback.bench.program import Program, command, environment, finished, running
from services.importing.collecting import Collected, collect
from tests.integration.test_kafka import get as answered
from tests.integration.test_kafka import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.realdata, pytest.mark.timeout(600)]

CHARGE = "PixelPhase1_Tracks_PXBarrel_charge_PXLayer_1"
POSITION = "PixelPhase1_Tracks_PXBarrel_clusterposition_zphi_ontrack_PXLayer_1"
MAP_AXES = (AxisWords(bins=300, lower=-60, upper=60), AxisWords(bins=200, lower=-3.2, upper=3.2))


def read(real_data: Path, name: str, **said: Any) -> Collected:
    """A file, taken whole."""
    collected = collect([real_data / name], Description(**said), workspace="w", writer="test")
    assert collected.reports[0].rejected == {}
    return collected


def element(collected: Collected, run: int, lumisection: int, path: str) -> MonitorElement:
    """An element as the set of its LS has it on the wire."""
    (of_run,) = [one for one in collected.runs if one.run == run]
    (piece,) = [one for one in of_run.pieces if one.lumisection == lumisection]
    contents = Contents.decode(Layout(of_run.booking), piece.cells, piece.scalars, piece.invalid)
    return MonitorElement.at(contents, path)


def lumisections(collected: Collected) -> int:
    return sum(len(run.pieces) for run in collected.runs)


def notes(collected: Collected) -> Counter[str]:
    return sum((Counter(run.notes) for run in collected.runs), Counter())


def test_the_main_diagonal_of_2017_has_5307_lumisections_of_263_runs(real_data: Path) -> None:
    collected = read(real_data, "ls-histograms/MainDiagonal_2017_shared.csv.gz")
    assert (lumisections(collected), len(collected.runs)) == (5307, 263)
    assert len({run.set for run in collected.runs}) == 1
    found = element(collected, 300088, 137, "MainDiagonal Position")
    assert (found.entries, found.counts(flow=True)[30]) == (26058, 506)
    assert found.mean() == pytest.approx(0.5416056489369867, rel=1e-12)
    assert notes(collected) == {}


def test_the_inner_charge_of_2017_has_3100_lumisections_of_15_runs(real_data: Path) -> None:
    collected = read(real_data, "ls-histograms/chargeInner_PXLayer_1_2017B_train.csv.gz")
    assert (lumisections(collected), len(collected.runs)) == (3100, 15)
    found = element(collected, 297056, 17, "chargeInner_PXLayer_1")
    assert found.entries == 101_614
    assert found.counts(flow=True)[[34, 101]].tolist() == [3689, 860]
    assert found.mean() == pytest.approx(28168.441947714236, rel=1e-12)


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_the_charge_of_2023_has_45_empty_lumisections(real_data: Path, suffix: str) -> None:
    """The published file has no entry in any of them; its axis and its rows are there."""
    collected = read(real_data, f"ls-histograms/2023C_PXBarrel_charge_PXLayer_1.{suffix}")
    (run,) = collected.runs
    assert (run.run, [piece.lumisection for piece in run.pieces]) == (367094, list(range(1, 46)))
    found = element(collected, 367094, 21, CHARGE)
    assert found.entries == 0
    axis = found.axes[0]
    assert isinstance(axis, Regular)
    assert (axis.bins, axis.lower, axis.upper) == (100, 0.0, 80_000.0)
    known = {"root": {}, "parquet": {"flow_unknown": 45}}[suffix]
    assert run.notes == known


def test_the_cluster_map_is_the_same_from_root_and_from_parquet(real_data: Path) -> None:
    """300 by 200 bins in 5 LSs: in the table x runs slowest, in ROOT fastest."""
    name = "ls-histograms/2023C_PXBarrel_clusterposition_zphi_PXLayer_1"
    both = [read(real_data, f"{name}.{suffix}") for suffix in ("root", "parquet")]
    for collected in both:
        totals = [element(collected, 367129, n, POSITION).entries for n in range(1, 6)]
        assert totals == [486_873, 505_431, 501_089, 135_070, 33_373]
        assert lumisections(collected) == 5
        assert element(collected, 367129, 1, POSITION).counts(flow=True)[153, 115] == 103
    for number in range(1, 6):
        one, other = (element(collected, 367129, number, POSITION).counts() for collected in both)
        np.testing.assert_array_equal(one, other)


def test_the_tables_of_2018_have_nine_histograms_each(real_data: Path) -> None:
    """Those of two dimensions are profiles of ones, whose bins come to their entries."""
    one = read(real_data, "ls-histograms/ZeroBias_2018A_DataFrame_1D_2.csv")
    two = read(real_data, "ls-histograms/ZeroBias_2018A_DataFrame_2D_2.csv")
    assert [c.reports[0].taken for c in (one, two)] == [9, 9]
    found = element(one, 315488, 229, "Summary_ClusterStoNCorr__OnTrack__TEC__MINUS__wheel__7")
    assert (found.entries, found.counts(flow=True)[20]) == (78_001, 4_505)
    found = element(two, 315488, 904, "TkHMap_NumberOfOnTrackCluster_TECP_W2")
    assert (found.entries, found.counts(flow=True)[2, 1]) == (137_167, 981)
    assert notes(one) == notes(two) == {}


def test_the_array_of_run_316187_is_16_maps_as_root_numbers_bins(real_data: Path) -> None:
    datasets = {"map": Dataset(path="clusterposition", axes=MAP_AXES)}
    collected = read(
        real_data, "ls-histograms/run316187_clusterposition_PXLayer_1.npz", datasets=datasets
    )
    (run,) = collected.runs
    assert (run.run, len(run.pieces)) == (316187, 16)
    assert [piece.lumisection for piece in run.pieces][::5] == [107, 309, 475, 1828]
    found = element(collected, 316187, 107, "clusterposition")
    assert (found.entries, found.counts(flow=True)[146, 167]) == (414_910, 107)


def test_a_page_of_dials_has_ten_maps(real_data: Path) -> None:
    """It names no run: the user says it."""
    collected = read(real_data, "ls-histograms/dials_mock_histograms2d_page1.json.gz", run=5)
    assert collected.reports[0].taken == 10
    found = element(collected, 5, 1, "EcalBarrel/EBOccupancyTask/EBOT digi occupancy")
    assert found.entries == 826_967
    assert found.counts()[10, 3] == 431


def test_the_ecal_maps_with_inserted_faults_say_so(real_data: Path) -> None:
    """Ten maps of fractions; their LSs are numbered by us, their dead modules were put in."""
    collected = read(
        real_data,
        "ecal-occupancy/ECAL_missing_modules_276582.hdf5",
        run=276582,
        marks=("altered",),
    )
    assert collected.reports[0].marks == ("altered", "imported", "lumisections-assigned")
    (run,) = collected.runs
    assert [piece.lumisection for piece in run.pieces] == list(range(1, 11))
    found = element(collected, 276582, 1, "EBOccupancyTask_EBOT_rec_hit_occupancy")
    assert found.axes == (
        Integer(lower=0, upper=170, label="row"),
        Integer(lower=0, upper=360, label="column"),
    )
    assert (found.weighted, found.entries) == (True, 59_168)
    assert found.values()[50, 130] == 1.0
    assert found.values().sum() == pytest.approx(15088.955947313458, abs=61_200 * 2.0**-31)
    assert run.notes == {"entries_unknown": 10, "flow_unknown": 10}


def test_maps_of_means_and_of_shares_keep_their_smallest_numbers(real_data: Path) -> None:
    """Timing is a mean, of either sign; shares are below 1e-4: the declared range follows them."""
    name = "EBTimingTask_EBTMT_timing_map"
    collected = read(
        real_data,
        "ecal-occupancy/ECAL_rechit_occ_time.hdf5",
        run=276582,
        datasets={name: Dataset(values="means")},
    )
    assert (lumisections(collected), collected.reports[0].taken) == (11, 66)
    timing = element(collected, 276582, 1, name)
    assert timing.entries == 2366
    values = np.nan_to_num(timing.values())
    assert math.isclose(values[2, 0], 0.02475036310629218, abs_tol=1e-10)
    assert values.sum() == pytest.approx(5.717140130174763, abs=1e-6)
    shares = element(collected, 276582, 1, "EBOccupancyTask_EBOT_rec_hit_occupancy")
    assert shares.values().sum() == pytest.approx(1.0000000002818297, abs=1e-8)


# --------------------------------------------------------------- a whole system

TESTS = """
[[quality_test]]
name = "charge in place"
algorithm = "MeanWithinExpected"
workspace = "tracker"
path = "chargeInner_PXLayer_1"
scope = "both"
min_entries = 1000
parameters = { xmin = 26000.0, xmax = 33000.0 }
"""


def get(program: Program, route: str, **query: object) -> Any:
    """What the gateway answers, once it can: what has left its memory may not be stored yet."""
    return answered(program.address, route, **query)


def one_run(real_data: Path, folder: Path) -> Path:
    """The rows of run 297056 of the real table: 185 LSs."""
    with gzip.open(
        real_data / "ls-histograms" / "chargeInner_PXLayer_1_2017B_train.csv.gz", "rt"
    ) as file:
        lines = file.readlines()
    chosen = [lines[0], *(line for line in lines[1:] if line.split(",")[1] == "297056")]
    path = folder / "charge_297056.csv"
    path.write_text("".join(chosen))
    return path


def test_an_import_is_stored_judged_and_served_beside_our_own_histograms(
    real_data: Path, tmp_path: Path
) -> None:
    """Import, store, HTTP, verdict: 185 real LSs of a run in which we have filled three."""
    table = one_run(real_data, tmp_path)
    tests = tmp_path / "tests.toml"
    tests.write_text(TESTS)
    settings = {
        "data": str(tmp_path / "data"),
        "port": "0",
        "workspaces": "pixel",
        "quality_tests": str(tests),
    }
    own = ["--run", "297056", "--lumisections", "3", "--rate", "20", "--speed", "0"]
    finished(["demo", *own, "--exit", "--json"], settings, timeout=240)
    with running(["import", str(table), "--workspace", "tracker"], settings) as program:
        said = wait_for_import(program)
        assert "run 297056: 185 LSs, 185 sent, 0 of them replaced, 0 unchanged" in said
        workspaces = get(program, "workspaces", run=297056)["workspaces"]
        assert [row["workspace"] for row in workspaces] == ["pixel", "tracker"]
        rows = get(program, "runs/297056/lumisections")["lumisections"]
        assert len(rows) == 185 + sum(row["closed_by"] == ["markers"] for row in rows)
        assert sum(row["seen"] > 0 for row in rows) == 3
        (contents,) = get(
            program,
            "runs/297056/contents",
            path="chargeInner_PXLayer_1",
            lumisections="17",
        )["contents"]
        assert contents["arrays"]["values"][34] == 3689
        trend = get(program, "runs/297056/trend", path="chargeInner_PXLayer_1", quantity="mean")
        at = trend["lumisections"].index(17)
        assert len(trend["values"]) == 185
        assert trend["values"][at] == pytest.approx(28168.441947714236)
        reports = get(program, "runs/297056/reports", lumisections="17")["reports"]
        (report,) = [one for one in reports if one["scope"] == "lumisection"]
        assert (report["outcome"], report["entries"]) == ("GOOD", 100_754)


def wait_for_import(program: Program) -> str:
    """What it says until all is stored and judged, and the gateway shows it."""
    said = []
    for line in program.lines():
        said.append(line)
        if line.startswith("all is imported"):
            break
    wait_for(f"the gateway shows the import: {said}", lambda: _all(program))
    return "".join(said)


def _all(program: Program) -> bool:
    """Whether all that is asked for afterwards is shown: 185 LSs, and what was said of LS 17."""
    rows = get(program, "workspaces", run=297056)["workspaces"]
    if not any(row["workspace"] == "tracker" and row["run"] for row in rows):
        return False
    trend = get(program, "runs/297056/trend", path="chargeInner_PXLayer_1", quantity="mean")
    reports = get(program, "runs/297056/reports", lumisections="17")["reports"]
    return len(trend["values"]) == 185 and any(one["scope"] == "lumisection" for one in reports)


def test_without_column_or_run_the_command_ends_with_a_sentence(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("lumi,hname,histo,xbins,xmin,xmax\n1,a,[1],1,0,1\n")
    result = subprocess.run(
        command(["import", str(table)]),
        env=environment({"data": str(tmp_path / "d"), "port": "0"}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "say it (--run)" in result.stderr
