"""What an analysis writes stands in its elements as if a filler had filled them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqmstream.analyses.writing import ElementWriter, bin_of
from dqmstream.booking import (
    Workspace,
    analysis,
    category,
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
    variable,
)
from dqmstream.errors import BookingError
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Axis, Booking
from dqmstream.testing import fill

AXES: dict[str, Axis] = {
    "regular": regular(7, -1.1, 2.3),
    "variable": variable([-1, 0, 0.25, 4]),
    "integer": integer(-2, 3),
    "category": category([3, -1, 0]),
}
ANALYSIS = analysis("test", columns=["x"])
VALUES = arrays(
    np.float64,
    st.integers(1, 30),
    elements=st.one_of(
        st.floats(-1e6, 1e6), st.sampled_from([-1.1, 2.3, 0.25, 4.0, 3.0, float("inf")])
    ),
)


def written(booking: Booking) -> tuple[ElementWriter, Any]:
    """A writer, and what shows its elements by path."""
    layout = Layout(booking)
    writer = ElementWriter(layout)
    return writer, lambda path: MonitorElement(writer.contents, layout[path])


@pytest.mark.parametrize("name", AXES)
@given(values=VALUES)
def test_values_are_binned_as_the_filling_kernel_bins_them(name: str, values: Any) -> None:
    axis = AXES[name]
    filled = fill(Workspace("w", "", [histogram("a/b", axis, fill="x")]), {"x": values})
    writer, shown = written(Workspace("w", "", [histogram("a/b", axis)], analysis=ANALYSIS))
    writer.fill("a/b", values)
    assert shown("a/b").counts(flow=True).tolist() == filled["a/b"].counts(flow=True).tolist()
    assert bin_of(axis, values).dtype == np.int64


@given(values=VALUES)
def test_means_and_weights_are_summed_as_fillers_sum_them(values: Any) -> None:
    x, axis = np.resize([0.1, 0.5, float("nan"), 7.0], values.shape), AXES["regular"]
    declared: dict[str, Any] = {"value_range": (-3, 3)}
    weighted: dict[str, Any] = {"weight_range": (-3, 3)}
    filled = fill(
        Workspace(
            "w",
            "",
            [
                profile("a/p", axis, fill="x", value="y", **declared),
                histogram("a/w", axis, fill="x", weight="y", **weighted),
            ],
        ),
        {"x": x, "y": values},
    )
    elements = [profile("a/p", axis, **declared), histogram("a/w", axis, **weighted)]
    writer, shown = written(Workspace("w", "", elements, analysis=ANALYSIS))
    for path in ("a/p", "a/w"):
        writer.fill(path, x, weight=values)
        ours, theirs = shown(path), filled[path]
        assert ours.counts(flow=True).tolist() == theirs.counts(flow=True).tolist()
        assert ours.values(flow=True).tolist() == pytest.approx(
            theirs.values(flow=True).tolist(), nan_ok=True
        )
        assert (ours.nan, ours.outside) == (theirs.nan, theirs.outside)


def test_scalars_and_texts_have_the_value_that_was_written() -> None:
    elements = [
        scalar("a/last", combine="last"),
        scalar("a/count", combine="sum"),
        scalar("a/sum", combine="sum", value_range=(0, 4)),
        text("a/text"),
        histogram("a/map", integer(0, 2), integer(0, 1)),
    ]
    writer, shown = written(Workspace("w", "", elements, analysis=ANALYSIS))
    writer.scalar("a/last", 0.25)
    writer.scalar("a/count", np.int64(7))
    writer.scalar("a/sum", 1.5)
    writer.text("a/text", "fit")
    writer.cells("a/map", np.arange(12).reshape(4, 3))
    assert [shown(f"a/{name}").value for name in ("last", "count", "sum", "text")] == [
        *(0.25, 7, 1.5, "fit")
    ]
    assert shown("a/map").counts(flow=True).tolist() == np.arange(12).reshape(4, 3).tolist()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 4.5])
def test_a_number_that_cannot_be_makes_its_scalar_invalid(value: float) -> None:
    booking = Workspace(
        "w", "", [scalar("a/b", combine="sum", value_range=(0, 4))], analysis=ANALYSIS
    )
    writer, shown = written(booking)
    writer.scalar("a/b", value)
    assert shown("a/b").value is None
    assert writer.contents.invalid[0].startswith(f"the analysis found {value}")


def test_what_does_not_fit_its_element_is_refused_by_path() -> None:
    elements = [histogram("a/h", AXES["regular"]), scalar("a/s", combine="last")]
    writer, _ = written(Workspace("w", "", elements, analysis=ANALYSIS))
    with pytest.raises(BookingError, match="'w' has no element 'a/x'"):
        writer.scalar("a/x", 1)
    with pytest.raises(BookingError, match="a/h: is a Histogram"):
        writer.scalar("a/h", 1)
    with pytest.raises(BookingError, match="a/h: 2 coordinates for 1 axes"):
        writer.fill("a/h", [1], [2])
    with pytest.raises(BookingError, match="a/h: 1 coordinates for 1 axes, a weight for 1 planes"):
        writer.fill("a/h", [1], weight=[2])
    with pytest.raises(BookingError, match=r"a/h: counts \(3,\), expected \(9,\)"):
        writer.cells("a/h", [1, 2, 3])
