"""The truth file says what was broken in which lumisections."""

import json
from pathlib import Path

from dqmstream.sources.synthetic import SyntheticConfig, parse_fault, write_truth


def test_the_truth_names_each_fault_with_its_lumisections_in_the_run(tmp_path: Path) -> None:
    faults = [
        "dead:pixel:layer1/module37@5-",
        "hot:ecal:ieta10/iphi200*50@7",
        "dead:bril:channel5@20-30",
    ]
    config = SyntheticConfig(
        run=3, seed=4, lumisections=10, rate=100, faults=tuple(map(parse_fault, faults))
    )
    path = tmp_path / "truth.json"
    write_truth(config, path)
    truth = json.loads(path.read_text())
    assert truth["run"] == 3
    assert truth["seed"] == 4
    assert truth["events_per_lumisection"] == 2331
    assert truth["faults"] == [
        {
            "fault": "dead:pixel:layer1/module37@5-",
            "kind": "dead",
            "collection": "pixel",
            "address": {"layer": 1, "module": 37},
            "lumisections": [5, 10],
        },
        {
            "fault": "hot:ecal:ieta10/iphi200*50@7-7",
            "kind": "hot",
            "collection": "ecal",
            "address": {"ieta": 10, "iphi": 200},
            "lumisections": [7, 7],
            "factor": 50.0,
        },
        {
            "fault": "dead:bril:channel5@20-30",
            "kind": "dead",
            "collection": "bril",
            "address": {"channel": 5},
            "lumisections": [],
        },
    ]
