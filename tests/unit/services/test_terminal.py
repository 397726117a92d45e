"""A histogram in the terminal: what it covers, and its bins."""

from typing import Any

import pytest

from services.terminal import bars, drawn, shades


def lines(**window: Any) -> list[str]:
    told = {"run": 7, "closed": True, "complete": True, "whole": True}
    axis = {"type": "regular", "bins": 2, "lower": 0, "upper": 2, "labels": []}
    contents = {
        "element": {"path": "A/b", "title": "charge", "axes": [axis], "shape": [4]},
        "window": told | window,
        "totals": {"entries": 6, "nan": 0, "outside": 0, "invalid": "", "value": None},
        "arrays": {"values": [0, 2, 4, 0]},
    }
    return list(drawn(contents))


@pytest.mark.parametrize(
    ("first", "last", "number", "words"),
    [
        (1, 9, 9, "run 7, LS 1-9 (9 LSs, closed)"),
        (0, 0, 1, "run 7, whole run (no LSs, closed)"),
        (0, 6, 5, "run 7, whole run and LSs up to 6 (4 LSs, closed)"),
    ],
)
def test_the_whole_run_of_an_import_is_no_lumisection(
    first: int, last: int, number: int, words: str
) -> None:
    assert lines(first=first, last=last, lumisections=number)[1] == words


def test_bars_are_as_long_as_their_bins_are_full() -> None:
    low, high = lines(first=1, last=1, lumisections=1)[3:]
    assert (low.split()[0], high.split()[0]) == ("0", "1")
    assert (low.count("█"), high.count("█")) == (25, 50)


def test_negative_contents_are_drawn_as_long_as_they_are_large() -> None:
    """Means of a profile, or sums of weights, may all be below zero."""
    below, first, second = bars([-1.0, -4.0, -2.0], ["a", "b", "c"])
    assert [line.count("█") for line in (below, first, second)] == [12, 50, 25]
    assert first.endswith(" -4")
    assert list(shades([0.0, -3.0, 0.0, 0.0], (2, 2)))[-1] == "darkest: 3"
