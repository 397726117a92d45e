"""Tests of workspaces run an analysis as they run a filler."""

import awkward as ak

from dqmstream.testing import fill
from tests.unit.analyses.looking_back import looking_back


def test_an_analysis_is_given_all_events_as_one_lumisection() -> None:
    filled = fill(
        looking_back(),
        ak.Array(
            [
                {"event": 7, "y": 7.0, "hits": [{"x": 1.0}, {"x": 2.0}]},
                {"event": 3, "y": 3.0, "hits": []},
            ]
        ),
        ak.Array([{"event": 5, "y": 5.0, "hits": [{"x": 4.0}]}]),
    )
    assert filled["Back/events"].value == 3
    told = str(filled["Back/told"].value)
    assert '"y": [3.0, 5.0, 7.0]' in told
    assert '"x": [4.0, 1.0, 2.0], "offsets": [0, 0, 1, 3]' in told


def test_without_its_column_all_elements_say_why() -> None:
    filled = fill(looking_back(), {"event": [7], "y": [7.0]})
    assert {element.invalid for element in filled.values()} == {
        "source 'test' sends no column hits.x"
    }
