"""Trends as characters: every number at its place, and what is no number in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trend_chart import trend_chart


def chart(lumisections: list[int], values: list[Any], **changes: Any) -> list[str]:
    given = {
        "path": "A/b",
        "run": 7,
        "quantity": "mean",
        "lumisections": lumisections,
        "values": values,
        "errors": [None] * len(values),
        "closed": [True] * len(values),
        "against": "lumisection",
        "x": [None] * len(values),
    }
    return list(trend_chart(given | changes))


def points(lines: list[str], mark: str = "•") -> list[tuple[int, int]]:
    """Column and row of each point, from the left and from below."""
    rows = [line.partition("│")[2] or line.partition("┤")[2] for line in lines]
    plot = [row for row in rows if row]
    return sorted(
        (column, len(plot) - 1 - height)
        for height, row in enumerate(plot)
        for column, character in enumerate(row)
        if character == mark
    )


def test_errors_are_bars_through_their_points() -> None:
    lines = chart([1, 2, 3], [10.0, 11.0, 10.0], errors=[4.0, None, 1.0])
    bars, dots = points(lines, "¦"), points(lines)
    assert [column for column, _ in dots] == sorted({column for column, _ in dots})
    first, last = dots[0][0], dots[-1][0]
    assert {column for column, _ in bars} == {first, last}
    reach = [row for column, row in bars if column == first]
    assert (min(reach), max(reach)) == (0, 15)
    assert 2 <= sum(column == last for column, _ in bars) < len(reach)


def test_numbers_that_rise_go_up_from_left_to_right() -> None:
    lines = chart([1, 2, 3], [10.0, 20.0, 30.0])
    assert lines[:2] == ["A/b: mean by lumisection", "run 7, LS 1-3 (3 LSs)"]
    assert points(lines) == [(0, 0), (40, 8), (79, 15)]
    assert lines[2].startswith("30 ┤")
    assert lines[-1].split() == ["1", "3"]


def test_against_a_condition_points_stand_where_it_is_and_unknown_ones_are_counted() -> None:
    lines = chart([1, 2, 3, 4], [5.0, 6.0, None, 7.0], against="pileup", x=[60.0, 40.0, 50.0, None])
    assert points(lines) == [(0, 15), (79, 0)]
    assert "2 LSs without a number, or without a known pileup" in lines
    assert lines[-1].split() == ["40", "60"]


def test_the_whole_run_of_an_import_is_no_point() -> None:
    lines = chart([0, 3, 4], [10.5, 1.0, 2.0])
    assert "whole run: 10.5" in lines
    assert lines[-1].split() == ["3", "4"]
    assert len(points(lines)) == 2
    assert chart([0], [3.0])[1:] == [
        "run 7, no LS",
        "whole run: 3",
        "no LS with a number and a known lumisection",
    ]


def test_an_open_lumisection_is_hollow() -> None:
    lines = chart([1, 2], [5.0, 1.0], closed=[True, False])
    assert (points(lines), points(lines, "○")) == ([(0, 15)], [(79, 0)])
    assert lines[-1] == "○ is still open"


def test_texts_are_told_where_they_change() -> None:
    lines = chart([1, 2, 3, 4], ["a", "a", "b", "b"])
    assert lines[2:] == ["from LS 1: a", "from LS 3: b"]


@pytest.mark.parametrize("value", [0.0, -3.5, 1e300])
def test_one_number_stands_in_the_middle(value: float) -> None:
    assert points(chart([5], [value])) == [(40, 8)]


@given(
    st.lists(
        st.tuples(st.floats(-1e300, 1e300), st.booleans()),
        min_size=1,
        max_size=50,
    )
)
def test_every_chart_is_as_wide_as_the_others_and_has_a_point(
    told: list[tuple[float, bool]],
) -> None:
    values, closed = [value for value, _ in told], [flag for _, flag in told]
    lines = chart(list(range(1, len(told) + 1)), values, closed=closed)
    found = len(points(lines)) + len(points(lines, "○"))
    assert 1 <= found <= len(told)
    plot = [line for line in lines if "│" in line or "┤" in line]
    assert len({len(line) for line in plot}) == 1
