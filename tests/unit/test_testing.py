"""The helper for tests of workspaces fills and judges as the services do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, regular, scalar, text
from dqmstream.errors import BookingError, ConfigurationError, MessageError
from dqmstream.messages.booking import Booking, Histogram, Regular
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.testing import fill, judge

CHARGE = regular(10, 0, 100, label="charge", unit="ke")
WORKSPACE = Workspace(
    "mine",
    "Charges.",
    [
        histogram("Mine/charge", CHARGE, fill="hit.charge", select="hit.charge > 5"),
        histogram("Mine/dense", CHARGE, fill="hit.charge", select="ls_pileup > 40"),
        scalar("Mine/events", "1", combine="sum"),
        scalar("Mine/stamp", "log_time", combine="last"),
        text("Mine/version", "version"),
    ],
)
TESTS = """
[[quality_test]]
name = "charge"
algorithm = "MeanWithinExpected"
path = "Mine/charge"
require = "pileup > 10"
parameters = { xmin = 20, xmax = 30 }

[[quality_test]]
name = "all charges of the run"
algorithm = "ContentsXRange"
path = "Mine/charge"
scope = "run"
parameters = { xmax = 50 }
"""
EVENTS = st.lists(st.lists(st.floats(-10, 120, width=32), max_size=5), min_size=1, max_size=20)


def events(charges: list[list[float]]) -> dict[str, object]:
    return {
        "ls_pileup": np.full(len(charges), 35.0),
        "version": ["1.2"] * len(charges),
        "hit": {"charge": [np.array(each, np.float32) for each in charges]},
    }


@given(EVENTS, st.integers(0, 20))
def test_contents_are_those_of_numpy_however_events_are_cut(
    charges: list[list[float]], cut: int
) -> None:
    """One chunk or two, also an empty one."""
    parts = [events(part) for part in (charges[:cut], charges[cut:]) if part]
    filled = fill(WORKSPACE, *parts, log_time=7)
    flat = np.concatenate([np.array(each, np.float32) for each in charges])
    expected = np.histogram(flat[flat > 5], bins=10, range=(0, 100))[0]
    # The last bin of NumPy holds its upper edge; ours is overflow.
    expected[-1] -= int((flat == 100).sum())
    assert filled["Mine/charge"].counts().tolist() == expected.tolist()
    assert filled["Mine/dense"].entries == 0
    assert filled["Mine/events"].value == len(charges)
    assert filled["Mine/stamp"].value == 7
    assert filled["Mine/version"].value == "1.2"


def test_an_element_without_its_columns_is_there_and_says_why() -> None:
    filled = fill(WORKSPACE, {"hit": {"charge": [[10.0]]}})
    assert set(filled) == {element.path for element in WORKSPACE.elements}
    assert filled["Mine/charge"].entries == 1
    assert not filled["Mine/charge"].invalid
    assert "ls_pileup" in filled["Mine/dense"].invalid


def test_reports_come_by_path_and_name_for_the_scope_asked() -> None:
    rng = np.random.default_rng(1)
    filled = fill(WORKSPACE, events([list(rng.normal(25, 3, 4)) for _ in range(100)]))
    known = Conditions(run=1, lumisection=1, pileup=35.0)
    found = judge(filled, TESTS, conditions=known)
    assert {key: report.outcome for key, report in found.items()} == {
        ("Mine/charge", "charge"): Outcome.GOOD
    }
    assert judge(filled, TESTS)["Mine/charge", "charge"].outcome is Outcome.NOT_RUN
    run = judge(filled, TESTS, scope="run")
    assert run["Mine/charge", "all charges of the run"].outcome is Outcome.GOOD
    shifted = fill(WORKSPACE, events([list(rng.normal(45, 3, 4)) for _ in range(100)]))
    report = judge(shifted, TESTS, conditions=known)["Mine/charge", "charge"]
    assert report.outcome is Outcome.BAD
    assert "expected" in report.message


def test_a_quality_test_that_matches_nothing_is_named() -> None:
    filled = fill(WORKSPACE, events([[10.0]]))
    with pytest.raises(ConfigurationError, match=r"charge match no element .* Mine/charge"):
        judge(filled, TESTS.partition("\n\n[[")[0].replace("Mine/charge", "Mine/charges"))


def test_wrong_events_and_wrong_declarations_are_refused() -> None:
    with pytest.raises(MessageError, match="differ in length"):
        fill(WORKSPACE, {"x": [1, 2], "y": [1]})
    axis = Regular(bins=3, lower=1.0, upper=0.0)
    wrong = Booking(workspace="w", elements=(Histogram(path="W/x", axes=(axis,), fill=("x",)),))
    with pytest.raises(BookingError, match="W/x"):
        fill(wrong, {"x": [1.0]})
