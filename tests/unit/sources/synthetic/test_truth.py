"""The truth file says what was broken in which lumisections, and where it shows."""

import json
from pathlib import Path

import pytest

from dqmstream.quality.declaration import default_tests
from dqmstream.sources.synthetic import (
    Fill,
    Scenario,
    SyntheticConfig,
    parse_fault,
    truth,
    write_truth,
)
from dqmstream.workspaces.registry import load_workspaces


def scenario(*faults: str, **config: object) -> Scenario:
    made = SyntheticConfig(**{"run": 3, "seed": 4, "lumisections": 10, "rate": 100.0, **config})
    return Scenario(config=made, sources=("bu1", "bu2")).with_faults(map(parse_fault, faults))


def test_the_truth_names_each_fault_with_its_lumisections_in_the_run(tmp_path: Path) -> None:
    faults = (
        "dead:pixel:layer1/module37@5-",
        "hot:ecal:ieta10/iphi200*50@7",
        "dead:bril:channel5*0.5@20-30",
        "late:bu2+4@5-6",
        "rate*0.3@2-3",
    )
    path = tmp_path / "truth.json"
    write_truth(scenario(*faults), path)
    read = json.loads(path.read_text())
    assert (read["format"], read["version"]) == ("dqmstream truth", 1)
    assert (read["run"], read["seed"], read["events_per_lumisection"]) == (3, 4, 2331)
    assert read["sources"] == ["bu1", "bu2"]
    nowhere: dict[str, object] = {"elements": [], "quality_tests": []}
    assert {one["fault"]: one for one in read["faults"]} == {
        "dead:pixel:layer1/module37@5-": {
            "fault": "dead:pixel:layer1/module37@5-",
            "kind": "dead",
            "collection": "pixel",
            "address": {"layer": 1, "module": 37},
            "lumisections": [5, 10],
            "efficiency": 0.0,
            "account": "",
            **nowhere,
        },
        "hot:ecal:ieta10/iphi200*50@7-7": {
            "fault": "hot:ecal:ieta10/iphi200*50@7-7",
            "kind": "hot",
            "collection": "ecal",
            "address": {"ieta": 10, "iphi": 200},
            "lumisections": [7, 7],
            "factor": 50.0,
            "account": "",
            **nowhere,
        },
        "dead:bril:channel5*0.5@20-30": {
            "fault": "dead:bril:channel5*0.5@20-30",
            "kind": "dead",
            "collection": "bril",
            "address": {"channel": 5},
            "lumisections": [],
            "efficiency": 0.5,
            "account": "",
            **nowhere,
        },
        "late:bu2+4@5-6": {
            "fault": "late:bu2+4@5-6",
            "kind": "late",
            "source": "bu2",
            "lumisections": [5, 6],
            "delay": 4,
            "account": "late",
            **nowhere,
        },
        "rate*0.3@2-3": {
            "fault": "rate*0.3@2-3",
            "kind": "rate",
            "lumisections": [2, 3],
            "share": 0.3,
            "account": "rate",
            **nowhere,
        },
    }


def test_conditions_change_where_prescales_do() -> None:
    fill = Fill(initial_pileup=50, pileup_lifetime=100, prescales=((1, 1), (6, 2)))
    found = truth(scenario("prescale:0@3-4", fill=fill))["conditions"]
    assert [(one["lumisections"], one["prescale_index"]) for one in found] == [
        ([1, 2], 1),
        ([3, 4], 0),
        ([5, 5], 1),
        ([6, 10], 2),
    ]
    assert found[0]["pileup"][0] == 50
    assert found[-1]["pileup"][1] == pytest.approx(fill.pileup(10))
    assert found[-1]["luminosity"][1] == pytest.approx(fill.luminosity(10))


@pytest.mark.parametrize(
    ("fault", "element", "test", "not_there"),
    [
        (
            "dead:pixel:layer2/module37@5-",
            "Pixel/Layer2/occupancy",
            "pixel dead modules",
            "Pixel/Layer1/occupancy",
        ),
        (
            "timing:ecal:supermodule12+3.5ns",
            "EcalBarrel/Timing/by_supermodule",
            "ecal timing by supermodule",
            "EcalBarrel/Occupancy/supermodules",
        ),
        ("gain:hcal-2%", "Hcal/HB/energy", "hcal energy", "Hcal/HB/time"),
        (
            "mismatch:l1t_jet*0.02",
            "L1TEmulator/Jets/agreement",
            "l1t agrees with its emulator",
            "L1TEmulator/Muons/agreement",
        ),
    ],
)
def test_a_fault_shows_in_what_reads_its_columns_at_its_address(
    fault: str, element: str, test: str, not_there: str
) -> None:
    (found,) = truth(scenario(fault), load_workspaces(None), default_tests())["faults"]
    assert element in found["elements"]
    assert test in found["quality_tests"]
    assert not_there not in found["elements"]
