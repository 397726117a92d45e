"""An import on a real Kafka: one process publishes, those of the services take it up."""

from pathlib import Path
from typing import Any

import boost_histogram as bh
import numpy as np
import pytest
import uproot

from dqmstream.store.store import Store
from playback.bench.program import Program, finished, running
from tests.integration.test_kafka import get as answered
from tests.integration.test_kafka import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RUN = 500
BINS = {3: [0, 4, 2, 0], 4: [1, 9, 0, 0], 9: [0, 0, 7, 5]}
OUTCOMES = {3: "GOOD", 4: "GOOD", 9: "BAD"}
TESTS = """
[[quality_test]]
name = "charge in place"
algorithm = "MeanWithinExpected"
workspace = "tracker"
path = "charge"
min_entries = 5
parameters = { xmin = 0.5, xmax = 2.0 }
"""


def write_file(path: Path, changed: int = 0) -> Path:
    """Three LSs; `changed` entries more in the last one's first bin."""
    with uproot.recreate(path) as file:
        for number, bins in BINS.items():
            charge = bh.Histogram(bh.axis.Regular(4, 0, 4, metadata="charge [ke]"))
            charge[...] = np.array([bins[0] + changed * (number == 9), *bins[1:]])
            file[f"run{RUN}_ls{number}_charge"] = charge
    return path


def get(program: Program, route: str, **query: object) -> Any:
    return answered(program.address, route, **query)


def entries(program: Program) -> int:
    """What the page would show of the whole run; -1 before there is anything."""
    try:
        (found,) = get(program, f"runs/{RUN}/contents", path="charge")["contents"]
    except OSError:  # the run is not known yet
        return -1
    return int(found["totals"]["entries"])


def until_shown(program: Program, wanted: int) -> None:
    wait_for(f"{wanted} entries are shown", lambda: entries(program) == wanted)


def judged(program: Program) -> dict[int, str]:
    """Outcome by LS, once all of them are judged."""
    found: dict[int, str] = {}

    def are_all() -> bool:
        query = {"lumisections": "1-9", "workspace": "tracker", "scope": "lumisection"}
        rows = get(program, f"runs/{RUN}/reports", **query)["reports"]
        found.update({row["lumisection"]: row["outcome"] for row in rows})
        return found.keys() == BINS.keys()

    wait_for("all are judged", are_all)
    return found


def test_an_import_is_shown_judged_stored_and_not_sent_twice(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """A file that has changed is another incarnation: it replaces all its LSs."""
    tests = tmp_path / "tests.toml"
    tests.write_text(TESTS)
    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "port": "0",
        "workspaces": "pixel",
        "quality_tests": str(tests),
    }
    command = ["import", str(write_file(tmp_path / "charge.root"))]
    command += ["--workspace", "tracker", "--json"]
    total = sum(map(sum, BINS.values()))
    with running(["run"], settings) as program:
        first = finished(command, settings, timeout=240)
        until_shown(program, total)
        assert judged(program) == OUTCOMES
        again = finished(command, settings, timeout=240)
        write_file(tmp_path / "charge.root", changed=30)
        changed = finished(command, settings, timeout=240)
        until_shown(program, total + 30)
        assert _ended(program)["marks"] == ["imported"]
        _until_stored(tmp_path / "data" / "store.sqlite", total + 30)
    said = [each["runs"][0] for each in (first, again, changed)]
    assert [(one["sent"], one["replaced"], one["unchanged"]) for one in said] == [
        (3, 0, 0),
        (0, 0, 3),
        (3, 3, 0),
    ]


def _ended(program: Program) -> Any:
    """The run, once the gateway has it as ended."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        (run,) = [one for one in get(program, "runs")["runs"] if one["run"] == RUN]
        found.update(run)
        return bool(run["ended"])

    wait_for("the run has ended", has_ended)
    return found


def _until_stored(path: Path, wanted: int) -> None:
    with Store(f"sqlite:///{path}") as store:

        def are_stored() -> bool:
            names = store.sets(RUN)
            assert len(names) < 2, names
            found = -1
            for name in names:
                trend = store.element_trend(name, RUN, "tracker", "charge", sorted(BINS))
                found = int(trend.cells[:, : trend.element.cells].sum())
            return found == wanted

        wait_for(f"{wanted} entries are stored", are_stored)
