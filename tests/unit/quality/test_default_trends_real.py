"""The shipped trend of pixel charges on real LSs: CMS, 2017, histograms that people certified."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.quality import Outcome
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import default_tests
from dqmstream.quality.inputs import Accepted, Inputs, Past
from dqmstream.quality.judgement import judge
from playback.bench.faults.figures import Alarms

pytestmark = pytest.mark.realdata

FILE = Path("ls-histograms") / "chargeInner_PXLayer_1_2017B_train.csv.gz"
PATH = "Pixel/Layer1/charge"
LAYOUT = Layout(
    Workspace(
        "pixel",
        "Real charges.",
        [histogram(PATH, regular(100, 0, 80, label="charge", unit="ke"), fill="charge")],
    )
)
TESTS = [test for test in default_tests() if test.name == "pixel charge is steady"]
COMPILED = compile_tests(TESTS, [LAYOUT]).workspaces[LAYOUT.hash]
Lumisections = list[tuple[int, np.ndarray]]


@pytest.fixture(scope="module")
def runs(real_data: Path) -> dict[int, Lumisections]:
    """LS and counts with flow, of LSs that were certified good, by run."""
    found: dict[int, Lumisections] = defaultdict(list)
    with gzip.open(real_data / FILE, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if float(row["good"]) == 1:
                counts = np.array([float(row[f"bin_{bin}"]) for bin in range(102)], np.int64)
                found[int(row["run"])].append((int(row["lumi"]), counts))
    return {run: sorted(rows, key=lambda one: one[0]) for run, rows in sorted(found.items())}


def verdicts(rows: Lumisections) -> Iterator[tuple[int, Outcome]]:
    past: list[Past] = []

    def before(count: int, _accepted: Accepted) -> Sequence[Past]:
        return past[-count:]

    for number, counts in rows:
        contents = Contents.empty(LAYOUT)
        contents.cells[LAYOUT[PATH].offset :][:102] = counts
        reports = judge(
            contents,
            COMPILED,
            scope="lumisection",
            set_hash="real",
            run=1,
            lumisection=number,
            complete=True,
            versions=(1,),
            inputs=Inputs(past=before),
        )
        past.append(Past(lumisection=number, contents=contents))
        yield number, reports.reports[0].outcome


@pytest.mark.timeout(300)
def test_alarms_in_good_lumisections_are_where_the_charge_has_stepped(
    runs: dict[int, Lumisections],
) -> None:
    assert sum(map(len, runs.values())) == 2685
    raised = []
    for run, rows in runs.items():
        alarms = Alarms(TESTS)
        for number, outcome in verdicts(rows):
            if alarms.take({(PATH, TESTS[0].name): outcome}):
                raised.append((run, number))
    # Scans of voltages or timing: the charge falls by a quarter, and is back after some ten LSs.
    assert raised == [(297050, 421), (297056, 31), (297178, 675)]


def test_a_loss_of_gain_of_three_percent_is_found_within_two_lumisections(
    runs: dict[int, Lumisections],
) -> None:
    """In a quiet run, from each hundredth LS on: every entry's charge is smaller."""
    rows = runs[297675]
    found = []
    for first in range(20, len(rows) - 2, 100):
        scaled = [(number, lower(counts, 0.97)) for number, counts in rows[first : first + 2]]
        outcomes = [outcome for _, outcome in verdicts([*rows[first - 12 : first], *scaled])]
        found.append(outcomes[-2:] == [Outcome.BAD, Outcome.BAD])
    assert found == [True] * len(found)
    assert len(found) > 3


def lower(counts: np.ndarray, factor: float) -> np.ndarray:
    """Entries spread evenly over their bins, at `factor` of their charge."""
    edges = np.arange(101) / 100
    running = np.interp(edges / factor, edges, np.concatenate([[0], counts[1:-1].cumsum()]))
    inner = np.rint(np.diff(running)).astype(np.int64)
    return np.concatenate([[counts[0]], inner, [counts[-1]]])
