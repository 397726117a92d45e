"""Made-up streamer files in the workspaces on their contents: good ones, and broken FEDs."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from dqmstream.messages.quality import Outcome
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025
from dqmstream.sources.cms.madeup.plan import (
    ONLINE_BRANCHES,
    TRACKING_BRANCHES,
    FedFault,
    Plan,
)
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from tests.content_file import File
from tests.judged import SCOPES

RAW: Final = tuple(b for b in ONLINE_BRANCHES if b.class_name == "FEDRawDataCollection")
FEDS: Final = (*range(600, 900), 1404)
FAULTS: Final = {
    610: FedFault(wrong_crc=0.3),
    620: FedFault(wrong_size=0.3),
    630: FedFault(wrong_source=0.3),
    640: FedFault(wrong_bunch_crossing=0.3),
    650: FedFault(wrong_l1_id=0.3),
    660: FedFault(missing=0.3),
}


def written(folder: Path, run: MadeUpRun) -> Path:
    """The data file of LS 1."""
    dat = run.write(folder, 1).dat
    assert dat is not None
    return dat


def outcomes(file: File) -> Counter[Outcome]:
    return Counter(report.outcome for report in file.reports())


def complaints(file: File) -> list[tuple[str, str]]:
    """Paths and messages of what is neither good nor too little to judge."""
    return [
        (report.path, report.message)
        for report in file.reports()
        if report.outcome not in {Outcome.GOOD, Outcome.INSUFFICIENT}
    ]


def test_made_up_collisions_are_good(tmp_path: Path) -> None:
    plan = Plan(events=150, pass_share=0.5)  # so many that no event is without a path
    run = MadeUpRun(plan, TRACKING_BRANCHES, written=WRITTEN_2021)
    found = File(written(tmp_path, run))
    assert found.workspaces == {"dqm_stream", "tracking", "vertex"}
    assert complaints(found) == []
    assert outcomes(found)[Outcome.GOOD] > 10


def test_made_up_scouting_is_good(tmp_path: Path) -> None:
    plan = Plan(events=60, pass_share=0.5)
    run = MadeUpRun(plan, ONLINE_BRANCHES, written=WRITTEN_2025)
    found = File(written(tmp_path, run))
    assert found.workspaces == {
        *("ctpps_status", "dcs_luminosity", "dqm_stream", "event_info", "fed"),
        *("scouting", "scouting_egamma", "scouting_jet", "scouting_muon"),
    }
    assert complaints(found) == []
    assert outcomes(found)[Outcome.GOOD] > 20


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> File:
    """Thirty events of 301 FEDs, six of which have a fault of their own."""
    plan = Plan(events=30, feds=FEDS, fed_bytes=100, fed_faults=FAULTS)
    return File(written(tmp_path_factory.mktemp("raw"), MadeUpRun(plan, RAW)), feds=FEDS)


@pytest.mark.parametrize(
    ("fault", "fed"),
    [
        ("crc", 610),
        ("size", 620),
        ("source_id", 630),
        ("bunch_crossing", 640),
        ("l1_id", 650),
    ],
)
def test_of_hundreds_of_feds_the_broken_one_is_named(broken: File, fault: str, fed: int) -> None:
    found = [report for report in broken.reports() if report.path == f"FED/Faults/{fault}"]
    assert [report.outcome for report in found] == [Outcome.BAD] * len(SCOPES)
    assert {tuple(one.bins for one in report.bad_channels) for report in found} == {((fed,),)}


def test_a_fed_that_is_missing_at_times_is_named_and_present_less_often(broken: File) -> None:
    missing = broken.counts("FED/missing")
    assert set(missing) == {660}
    present = broken.counts("FED/present")
    assert present[660] == 30 - missing[660] < min(n for fed, n in present.items() if fed != 660)
    (outcome,) = {r.outcome for r in broken.reports() if r.path == "FED/missing_per_event"}
    assert outcome is Outcome.BAD


def test_faults_stand_in_the_part_of_the_detector_of_their_fed(broken: File) -> None:
    ecal, others = broken["FED/Faults/by_part"].counts()[3], broken["FED/Faults/by_part"].entries
    assert ecal == others > 5
