"""What events say of their LS becomes its conditions: the right LS, and only what is known."""

from typing import Any

import numpy as np
import pytest

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.conditions import COLUMNS, PARTS, StreamConditions
from dqmstream.analyses.registry import load_analysis
from dqmstream.booking import Workspace, analysis, histogram, regular, scalar
from dqmstream.errors import BookingError
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.sources.cms.detector import PARTITIONS
from dqmstream.testing import fill, judge
from dqmstream.workspaces.stream_conditions import workspace

LAYOUT = Layout(workspace)


def closed(records: int = 4, **changes: Any) -> Closed:
    """LS 174 of four events with a record of each kind, all parts on."""
    columns: dict[str, Any] = {name: np.ones(records, np.int8) for name in COLUMNS}
    columns["fill"] = np.full(records, 10671, np.int32)
    columns["dcs.magnet_current"] = np.full(records, 18164.0, np.float32)
    columns["dcs.magnet_field"] = np.full(records, 3.81, np.float32)
    columns["luminosity.luminosity"] = np.full(records, 21600.0, np.float32)
    columns["luminosity.pileup"] = np.full(records, 62.5, np.float32)
    columns["luminosity.lumisection"] = np.full(records, 174, np.uint16)
    for name, values in changes.items():
        columns[name.replace("__", ".")] = np.asarray(values)
    offsets = {name: np.arange(records + 1) for name in ("dcs", "luminosity")}
    sample = Sample(392642, 174, records, 1.0, columns, offsets)
    return StreamConditions(LAYOUT).close(b"", [sample])


def shown(found: Closed, path: str) -> Any:
    return MonitorElement(found.contents, LAYOUT[f"StreamConditions/{path}"]).value


def test_the_parts_are_those_of_the_records() -> None:
    assert [name.lower() for name in PARTITIONS] == list(PARTS)


def test_a_quiet_lumisection_is_known_in_the_units_of_conditions() -> None:
    found = closed()
    assert found.conditions is not None
    assert found.conditions.fill == 10671
    assert found.conditions.luminosity == pytest.approx(2.16e34)
    assert found.conditions.pileup == 62.5
    assert found.conditions.dcs == dict.fromkeys(PARTS, True)
    assert shown(found, "luminosity") == 21600
    assert shown(found, "Spread/pileup") == 0
    assert shown(found, "magnet_current") == 18164
    assert (shown(found, "parts_on"), shown(found, "parts_off")) == (27, 0)
    assert shown(found, "off") == "none"
    assert found.contents.invalid == {}


def test_a_part_is_on_only_if_it_is_on_in_all_records() -> None:
    found = closed(dcs__bpix=[1, 1, 0, 1], dcs__castor=[-1] * 4, dcs__gemp=[-1, 1, 1, -1])
    assert found.conditions is not None
    assert found.conditions.dcs["bpix"] is False
    assert found.conditions.dcs["gemp"] is True
    assert "castor" not in found.conditions.dcs
    assert (shown(found, "parts_on"), shown(found, "parts_off")) == (25, 1)
    assert shown(found, "off") == "bpix"


def test_luminosity_of_the_lumisection_before_is_left_out() -> None:
    found = closed(
        luminosity__lumisection=[173, 174, 174, 173],
        luminosity__luminosity=[9.0, 100.0, 200.0, 9.0],
        luminosity__pileup=[9.0, 1.0, 2.0, 9.0],
    )
    assert found.conditions is not None
    assert found.conditions.luminosity == pytest.approx(1.5e32)
    assert found.conditions.pileup == 1.5
    assert shown(found, "Spread/luminosity") == 50
    other = closed(luminosity__lumisection=[173] * 4)
    assert other.conditions is not None
    assert (other.conditions.luminosity, other.conditions.pileup) == (None, None)
    assert shown(other, "luminosity") is None


def test_without_records_nothing_is_known_and_nothing_is_said() -> None:
    found = closed(0)
    assert found.conditions is None
    assert found.contents.scalars == {}
    assert found.contents.invalid == {}


def test_events_of_two_fills_have_none() -> None:
    found = closed(fill=[10671, 10671, 10672, -1])
    assert found.conditions is not None
    assert found.conditions.fill is None


def test_a_workspace_without_its_columns_is_refused() -> None:
    wrong = Workspace(
        "w",
        "",
        [scalar("a/b", combine="last")],
        analysis=analysis("dqmstream.analyses.conditions:StreamConditions", columns=["fill"]),
    )
    with pytest.raises(BookingError, match=r"workspace 'w': .*needs the columns dcs\.bpix"):
        load_analysis(Layout(wrong))


GATED = """
[[quality_test]]
name = "in range"
algorithm = "ContentsXRange"
path = "Pixel/charge"
parameters = { xmin = 0.0, xmax = 100.0 }
require = "dcs.bpix and pileup > 5"
"""


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({}, "GOOD", ""),
        ({"dcs__bpix": [1, 1, 0, 1]}, "DISABLED", "dcs.bpix"),
        ({"dcs__bpix": [-1] * 4}, "NOT_RUN", "dcs.bpix"),
        ({"luminosity__pileup": [2.0] * 4}, "DISABLED", "pileup"),
    ],
)
def test_what_events_say_opens_and_shuts_quality_tests(
    changes: dict[str, Any], outcome: str, says: str
) -> None:
    charge = histogram("Pixel/charge", regular(10, 0, 100), fill="charge")
    filled = fill(Workspace("pixel", "", [charge]), {"charge": np.full(1000, 50.0)})
    found = closed(**changes).conditions
    report = judge(filled, GATED, conditions=found)["Pixel/charge", "in range"]
    assert report.outcome == outcome
    assert says in report.message
