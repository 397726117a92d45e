"""The stream's states: whatever is dropped or repeated on the way, what is shown was sent."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.client import Element, GatewayError
from dqmstream.client.stream import ChannelStates, board_subscription, element_in, subscription

CHANNEL = "plot/current/lumisection/pixel/charge"
HEADER = {
    "element": {
        "path": "pixel/charge",
        "workspace": "pixel",
        "title": "Charge",
        "description": "",
        "kind": "histogram",
        "storage": "count",
        "axes": [{"type": "regular", "bins": 3, "lower": 0.0, "upper": 3.0, "label": "q"}],
        "shape": [5],
        "draw": {},
        "projected": False,
    },
    "window": {
        "word": "lumisection",
        "run": 7,
        "first": 1,
        "last": 1,
        "lumisections": 1,
        "closed": False,
        "complete": False,
        "whole": True,
        "late_events": 0,
    },
    "totals": {"entries": 0, "nan": 0, "outside": 0, "value": None, "invalid": ""},
    "problem": "",
}


class PlotStates(ChannelStates):
    """States of plots, as elements."""

    def shown(self, message: dict[str, object]) -> Element | None:
        channel = self.take(message)
        return None if channel is None else element_in(channel)


def snapshot(sequence: int, cells: list[int]) -> dict[str, object]:
    totals = {**HEADER["totals"], "entries": sum(cells)}  # type: ignore[dict-item]
    return {
        "type": "snapshot",
        "channel": CHANNEL,
        "number": 5,
        "sequence": sequence,
        "header": HEADER | {"totals": totals},
        "arrays": {"values": cells},
        "rows": {},
    }


def change(base: int, before: list[int], after: list[int]) -> dict[str, object]:
    changed = [at for at in range(5) if before[at] != after[at]]
    skip = [at - last - 1 for last, at in itertools.pairwise([-1, *changed])]
    return {
        "type": "change",
        "number": 5,
        "base": base,
        "sequence": base + 1,
        "header": {"totals": {"entries": [sum(after)]}},
        "arrays": {"values": {"skip": skip, "add": [after[at] - before[at] for at in changed]}},
    }


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=2, max_size=12),
    st.lists(st.sampled_from(["once", "twice", "lost"]), min_size=12, max_size=12),
)
def test_only_states_that_were_sent_are_shown(states: list[list[int]], fates: list[str]) -> None:
    """Repeats change nothing; after a gap a snapshot is asked for, and then all is well again."""
    held = PlotStates()
    first = held.shown(snapshot(0, states[0]))
    assert first is not None
    assert first.values(flow=True).tolist() == states[0]
    for number, (before, after) in enumerate(itertools.pairwise(states)):
        fate = fates[number]
        message = change(number, before, after)
        shown = [held.shown(message) for _ in range({"once": 1, "twice": 2, "lost": 0}[fate])]
        asked = held.said()
        if asked:
            assert [msgspec.json.decode(each) for each in asked[:1]] == [
                {"type": "resync", "channel": CHANNEL}
            ]
            assert shown[0] is None
            shown = [held.shown(snapshot(number + 1, after))]
        for element in filter(None, shown):
            assert element.values(flow=True).tolist() == after
            assert element.entries == sum(after)
        assert sum(element is not None for element in shown) == (fate != "lost" or bool(asked))


def test_no_contents_yet_is_no_element() -> None:
    message = snapshot(0, []) | {"header": HEADER | {"totals": None}, "arrays": {}}
    assert PlotStates().shown(message) is None


def test_a_refusal_is_raised_with_its_reason() -> None:
    with pytest.raises(GatewayError, match="too many"):
        PlotStates().take({"type": "error", "id": "client", "problem": "too many"})
    with pytest.raises(GatewayError, match="a/b: not booked"):
        PlotStates().take(
            {"type": "subscribed", "id": "client", "channels": [], "refused": {"a/b": "not booked"}}
        )


def test_weighted_and_profile_cells_with_nan() -> None:
    header = HEADER | {"element": HEADER["element"] | {"storage": "profile", "kind": "profile"}}  # type: ignore[operator]
    cells = {
        "values": [None, 1.5, 2, None, 0],
        "errors": [None, 0.5, 0, None, 0],
        "entries": [0, 2, 1, 0, 1],
    }
    element = PlotStates().shown(snapshot(0, []) | {"header": header, "arrays": cells})
    assert element is not None
    assert np.isnan(element.values(flow=True)).tolist() == [True, False, False, True, False]
    assert element.counts().tolist() == [2, 1, 0]
    assert element.counts().dtype == np.int64


@pytest.mark.parametrize(
    ("window", "means"),
    [("lumisection", "lumisection"), ("run", "run"), ("last-12", {"last": 12})],
)
def test_windows_that_can_be_followed(window: str, means: object) -> None:
    assert msgspec.json.decode(subscription("a/b", window=window))["window"] == means


@pytest.mark.parametrize("window", ["last-", "1-5", ""])
def test_a_window_that_cannot_be_followed_is_said(window: str) -> None:
    with pytest.raises(ValueError, match="expected lumisection, run, or last-N"):
        subscription("a/b", window=window)


def test_rows_of_boards_are_set_and_go() -> None:
    held = ChannelStates()
    strip = {"type": "snapshot", "channel": "board/strip/current", "sequence": 4, "arrays": {}}
    strip["number"] = 2
    held.take(strip | {"header": {"run": 7}, "rows": {"1": {"seen": 3}, "2": {"seen": 0}}})
    change = {"type": "change", "number": 2, "base": 4, "sequence": 6}
    rows = {"2": {"seen": [5]}, "3": [{"seen": 1}], "1": []}
    channel = held.take(change | {"rows": rows})
    assert channel is not None
    assert channel.rows == {"2": {"seen": 5}, "3": {"seen": 1}}
    assert channel.header == {"run": 7}
    assert msgspec.json.decode(board_subscription(["strip"]))["boards"] == ["strip"]
