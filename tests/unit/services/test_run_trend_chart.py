"""Trends over runs as characters."""

from typing import Any

from services.run_trend_chart import run_trend_chart


def chart(points: list[dict[str, Any]], **changes: Any) -> list[str]:
    whole = {
        "run": 0,
        "began": 1_700_000_000 * 10**9,
        "ended": True,
        "booked": "same",
        "value": None,
        "error": None,
        "outcome": None,
        "problem": "",
    }
    given = {"path": "A/b", "quantity": "mean", "window": "run", "after": None}
    return list(run_trend_chart({**given, **changes, "points": [whole | each for each in points]}))


def test_runs_stand_below_each_other_oldest_first_at_their_place_on_one_scale() -> None:
    lines = chart(
        [
            {"run": 9, "value": 30.0, "ended": False},
            {"run": 8, "value": 20.0, "error": 5.0, "outcome": "BAD"},
            {"run": 7, "value": 10.0},
        ]
    )
    assert lines[:2] == ["A/b: mean by run", "3 runs, 3 with a number, from 10 to 30"]
    strips = [line.split("│")[1] for line in lines[2:]]
    assert [strip.index("•") for strip in strips] == [0, 20, 39]
    assert strips[1].strip() == "─" * 10 + "•" + "─" * 10
    assert lines[2].split()[:4] == ["7", "2023-11-14", "22:13", "10"]
    assert "20 ± 5" in lines[3]
    assert [line.split("│")[2].strip() for line in lines[2:]] == ["", "BAD", "not ended"]


def test_what_has_no_number_says_why_and_where_it_goes_on_is_told() -> None:
    lines = chart(
        [
            {"run": 9, "booked": "rebinned"},
            {"run": 8, "problem": "run 8 was removed", "began": None},
            {"run": 7, "value": "menu 3"},
        ],
        window="1-10",
        after=7,
    )
    assert lines[0] == "A/b: mean by run, LS 1-10 of each"
    assert "menu 3" in lines[2]
    assert lines[3].endswith("run 8 was removed")
    assert lines[4].endswith("rebinned")
    assert lines[5] == "runs below 7 are not shown"
    assert chart([])[1] == "no such run"
