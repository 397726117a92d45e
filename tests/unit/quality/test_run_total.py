"""The run so far."""

import numpy as np
import pytest

from dqmstream.errors import WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import MAX_CELL_ENTRIES_WINDOW, Layout
from dqmstream.messages.booking import Booking, Integer, Profile, Scalar
from dqmstream.messages.histograms import ScalarValue
from dqmstream.quality.run_total import CountedLumisection, RunTotal

PROFILE = Profile(
    path="p", axes=(Integer(lower=0, upper=2),), fill=("x",), value="y", value_range=(0, 1)
)
LAYOUT = Layout(
    Booking(workspace="w", elements=(PROFILE, Scalar(path="s", value="x", combine="last")))
)


def counted(**changes) -> CountedLumisection:
    fields = {"complete": True, "versions": (1, 1), "invalid": {}} | changes
    return CountedLumisection(**fields)


def cells(value: int) -> Contents:
    return Contents(LAYOUT, np.full(LAYOUT.cells, value), {1: ScalarValue(value=value)})


def test_lumisections_add_up_whatever_their_order_and_scalars_are_left_out() -> None:
    total = RunTotal(LAYOUT)
    for number in (3, 1, 2):
        total.add(number, cells(number), counted())
    assert np.all(total.contents.cells == 6)
    assert total.contents.scalars == {}
    assert (total.lumisection, len(total), total.complete) == (3, 3, True)


def test_a_lumisection_can_be_replaced() -> None:
    total = RunTotal(LAYOUT)
    total.add(1, cells(5), counted(invalid={0: "failed"}))
    total.add(2, cells(7), counted())
    assert total.contents.invalid == {0: "LS 1: failed"}
    total.remove(1, cells(5))
    total.add(1, cells(4), counted())
    assert np.all(total.contents.cells == 11)
    assert total.contents.invalid == {}


def test_versions_are_the_newest_of_each_partition() -> None:
    total = RunTotal(LAYOUT)
    total.add(1, cells(1), counted(versions=(7, 2)))
    total.add(2, cells(1), counted(versions=(5, 9)))
    assert total.versions == (7, 9)


def test_a_gap_an_incomplete_lumisection_or_a_lost_start_make_it_incomplete() -> None:
    gap = RunTotal(LAYOUT)
    gap.add(1, cells(1), counted())
    gap.add(3, cells(1), counted())
    lacking = RunTotal(LAYOUT)
    lacking.add(1, cells(1), counted(complete=False))
    beheaded = RunTotal(LAYOUT, first=1)
    beheaded.add(2, cells(1), counted())
    torn = RunTotal(LAYOUT, whole=False)
    torn.add(1, cells(1), counted())
    assert [one.complete for one in (gap, lacking, beheaded, torn)] == [False] * 4
    gap.add(2, cells(1), counted())
    assert gap.complete
    gap.give_up()
    assert not gap.complete


def test_nothing_is_counted_twice_or_with_another_booking() -> None:
    total = RunTotal(LAYOUT)
    total.add(1, cells(1), counted())
    with pytest.raises(WindowError, match="LS 1"):
        total.add(1, cells(1), counted())
    other = Contents.empty(Layout(Booking(workspace="w", elements=(PROFILE,))))
    with pytest.raises(WindowError, match="cannot join"):
        total.add(2, other, counted())
    assert len(total) == 1


def test_a_sum_that_ran_full_is_invalid_from_then_on() -> None:
    total = RunTotal(LAYOUT)
    half = cells(0)
    half.cells[0] = MAX_CELL_ENTRIES_WINDOW // 2 + 1
    total.add(1, half, counted())
    assert total.contents.invalid == {}
    total.add(2, half, counted())
    assert set(total.contents.invalid) == {0, 1}
    assert "overflow" in total.contents.invalid[0]
