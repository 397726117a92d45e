"""Bookings that an analysis fills: what they may declare, and what they leave as it was."""

from typing import Any

import msgspec
import pytest

from dqmstream.booking import (
    Workspace,
    analysis,
    check,
    histogram,
    profile,
    regular,
    required_columns,
    scalar,
    text,
)
from dqmstream.booking.fill import filled_elsewhere
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.wire import CODEC
from dqmstream.workspaces.registry import load_workspaces

X = regular(10, 0, 1)
FIT = analysis("fit", columns=["tracks.pt", "vertices.x"], cut=2.5, rounds=10)
ELEMENTS = [
    histogram("Fit/pulls", X),
    histogram("Fit/weights", X, weight_range=(0, 1)),
    profile("Fit/mean", X, value_range=(0, 1)),
    scalar("Fit/x", combine="last"),
    scalar("Fit/used", combine="sum"),
    scalar("Fit/sum", combine="sum", value_range=(0, 1)),
    text("Fit/payload"),
]


def test_an_analysis_is_declared_with_its_columns_and_parameters() -> None:
    booking = Workspace("fit", "Fits.", ELEMENTS, analysis=FIT)
    assert booking.analysis == FIT
    assert FIT.parameters == {"cut": 2.5, "rounds": 10.0}
    assert all(map(filled_elsewhere, booking.elements))
    assert required_columns(booking) == {"tracks.pt", "vertices.x", "event"}
    assert check(booking, imported=True) == check(booking) == booking
    assert len(Layout(booking).elements) == 7


class _BookingBefore(msgspec.Struct, frozen=True, kw_only=True, tag="Booking", tag_field="type"):
    """The fields that a booking had before analyses."""

    workspace: str
    description: str = ""
    elements: tuple[Any, ...]


def test_bookings_without_one_keep_their_hashes() -> None:
    """Sets are named by them: another hash would be another set, in the middle of a run."""
    example = EXAMPLES["Booking"]
    assert isinstance(example, Booking)
    for booking in (*load_workspaces(), example):
        before = _BookingBefore(
            workspace=booking.workspace,
            description=booking.description,
            elements=booking.elements,
        )
        if not booking.analysis:
            assert content_hash(before) == content_hash(booking)
            assert CODEC.encode(booking).value == msgspec.msgpack.encode(before)


def test_with_another_parameter_it_is_another_booking() -> None:
    hashes = {
        Layout(Workspace("fit", "", ELEMENTS, analysis=each)).hash
        for each in (FIT, analysis("fit", columns=FIT.columns, cut=2.6, rounds=10))
    }
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (histogram("Fit/x", X, fill="a"), "analysis 'fit' fills it"),
        (profile("Fit/x", X, fill="a", value="b", value_range=(0, 1)), "analysis 'fit' fills it"),
        (scalar("Fit/x", "1", combine="sum"), "analysis 'fit' fills it"),
        (text("Fit/x", "a"), "analysis 'fit' fills it"),
        (histogram("Fit/x", X, select="a > 1"), "'a > 1' would never be used"),
        (scalar("Fit/x", select="a > 1", combine="last"), "'a > 1' would never be used"),
        (text("Fit/x", select="a > 1"), "'a > 1' would never be used"),
        (scalar("Fit/x", combine="last", value_range=(0, 1)), "value_range is for sums"),
        (histogram("Fit/x", weight_range=(0, 1)), "0 axes, expected 1 to 3"),
    ],
)
def test_elements_that_no_analysis_can_fill_are_refused(element: Any, reason: str) -> None:
    with pytest.raises(BookingError, match=r"workspace 'fit': Fit/x: ") as caught:
        Workspace("fit", "", [element], analysis=FIT)
    assert reason in str(caught.value)


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.path)
def test_without_an_analysis_such_elements_are_refused(element: Any) -> None:
    with pytest.raises(BookingError, match=element.path):
        Workspace("fit", "", [element])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (analysis("fit", columns=[]), "0 columns, expected 1 to 256"),
        (analysis("fit", columns=["a", "a"]), "'a' is listed twice"),
        (analysis("fit", columns=["a + b"]), "neither `column` nor `collection.member`"),
        (analysis("fit", columns=["a.b.c"]), "neither `column` nor `collection.member`"),
        (analysis("", columns=["a"]), "must have 1 to 64 characters"),
        (analysis("fit", columns=["a"], cut=float("nan")), "parameter 'cut' is nan"),
    ],
)
def test_a_wrong_analysis_is_refused(wrong: Any, reason: str) -> None:
    with pytest.raises(BookingError, match="workspace 'fit': analysis") as caught:
        Workspace("fit", "", ELEMENTS, analysis=wrong)
    assert reason in str(caught.value)
