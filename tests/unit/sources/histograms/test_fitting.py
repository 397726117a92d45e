"""From histograms of files to a booking and contents: nothing is added, nothing lost in silence."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqmstream.booking import Workspace, check
from dqmstream.errors import BookingError
from dqmstream.fold.merge import Merger
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.booking import Axis, Booking, Histogram, Integer, Profile, Regular
from dqmstream.sources.histograms.fitting import FittedRun, fit
from dqmstream.sources.histograms.histogram import ImportedHistogram, Kind, Rejected
from dqmstream.sources.histograms.sets import imported_sets

AXIS = Regular(bins=3, lower=0.0, upper=3.0)


def histogram(
    values: Any,
    lumisection: int = 1,
    *,
    path: str = "a/b",
    kind: Kind = "values",
    axes: tuple[Axis, ...] = (AXIS,),
    **more: Any,
) -> ImportedHistogram:
    """A histogram of run 5."""
    return ImportedHistogram(
        run=5,
        lumisection=lumisection,
        path=path,
        title="Title",
        axes=axes,
        kind=kind,
        values=np.asarray(values, np.float64),
        source=more.pop("source", "file.csv"),
        where=more.pop("where", f"row {lumisection}"),
        **more,
    )


def fitted(*found: ImportedHistogram | Rejected) -> tuple[FittedRun, Counter[str]]:
    """The one run, and rejections by reason."""
    (run,), rejected = fit(found, workspace="imported")
    return run, Counter(one.reason for one in rejected)


def element(run: FittedRun, lumisection: int = 1, path: str = "a/b") -> MonitorElement:
    """One element of an LS."""
    return MonitorElement.at(run.lumisections[lumisection].contents, path)


def test_whole_numbers_are_counts_with_their_flow() -> None:
    run, rejected = fitted(histogram([1, 2.0, 3, 4, 5], entries=15))
    assert element(run).counts(flow=True).tolist() == [1, 2, 3, 4, 5]
    assert isinstance(run.layout["a/b"].element, Histogram)
    assert run.layout["a/b"].planes == 1
    assert not rejected
    assert run.lumisections[1].notes == {}


def test_an_imported_element_has_no_expressions_and_nobody_may_fill_it() -> None:
    run, _ = fitted(histogram([0, 1, 0, 0, 0]))
    booked = run.layout.booking
    assert booked.elements[0].fill == ()  # type: ignore[union-attr]
    assert check(booked, imported=True) == booked
    with pytest.raises(BookingError, match="0 fill expressions for 1 axes"):
        check(booked)
    pretended = Histogram(path="a/b", axes=(AXIS,), fill=(), select="x > 1")
    with pytest.raises(BookingError, match="would never be used"):
        check(Booking(workspace="w", elements=(pretended,)), imported=True)
    with pytest.raises(BookingError, match="0 fill expressions"):
        Workspace("w", "", [Profile(path="p", axes=(AXIS,), fill=(), value="", value_range=(0, 1))])


@given(
    arrays(np.float64, 5, elements=st.floats(-1e6, 1e6, allow_subnormal=False, width=32)),
    arrays(np.float64, 5, elements=st.floats(0, 1e3, allow_subnormal=False, width=32)),
)
def test_fractions_keep_their_value_within_the_rounding_of_fixed_point(
    first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]
) -> None:
    """Half a unit of the declared range a bin and LS; sums over LSs are those of the numbers."""
    first[0] = 0.5
    run, rejected = fitted(histogram(first, 1), histogram(second, 2))
    assert not rejected
    largest = max(abs(first).max(), abs(second).max(), 1.0)
    unit = 2.0 * largest * 2.0**-30
    for lumisection, values in ((1, first), (2, second)):
        np.testing.assert_allclose(
            element(run, lumisection).values(flow=True), values, rtol=0, atol=unit
        )
    assert element(run, 1).entries == np.count_nonzero(first)
    total = run.lumisections[1].contents.copy()
    total.add(run.lumisections[2].contents)
    summed = MonitorElement.at(total, "a/b").values(flow=True)
    np.testing.assert_allclose(summed, first + second, rtol=0, atol=2 * unit)


def test_of_fractions_is_said_that_their_entries_are_not_known() -> None:
    run, _ = fitted(histogram([0, 0.25, -0.5, 0, 0], flow_known=False))
    booked = run.layout["a/b"].element
    assert isinstance(booked, Histogram)
    assert booked.weight_range == (-0.5, 0.5)
    assert run.lumisections[1].notes == {"file.csv": {"flow_unknown": 1, "entries_unknown": 1}}


def test_a_profile_keeps_entries_means_and_spreads() -> None:
    run, rejected = fitted(
        histogram(
            [0, 6, 2, 0, 0],
            kind="profile",
            counts=np.array([0.0, 2, 1, 0, 0]),
            squares=np.array([0.0, 20, 4, 0, 0]),
            value_range=(0.0, 8.0),
        )
    )
    found = element(run)
    assert not rejected
    assert found.counts().tolist() == [2, 1, 0]
    assert found.values()[:2].tolist() == [3.0, 2.0]
    assert found.spreads()[:2].tolist() == [1.0, 0.0]
    booked = run.layout["a/b"].element
    assert isinstance(booked, Profile)
    assert booked.value_range == (0.0, 8.0)


def test_means_alone_are_one_entry_a_bin_so_that_lumisections_are_averaged() -> None:
    run, _ = fitted(
        histogram([0, 2, 4, 0, 0], 1, kind="means"), histogram([0, 4, 0, 0, 0], 2, kind="means")
    )
    total = run.lumisections[1].contents.copy()
    total.add(run.lumisections[2].contents)
    found = MonitorElement.at(total, "a/b")
    assert found.counts().tolist() == [2, 1, 0]
    assert found.values()[:2].tolist() == [3.0, 4.0]
    assert run.lumisections[1].notes["file.csv"]["means_only"] == 1


def profile(
    entries: float, total: float, squares: float, lumisection: int = 2, **more: Any
) -> ImportedHistogram:
    """Of which one bin holds something."""
    return histogram(
        [0, total, 0, 0, 0],
        lumisection,
        kind="profile",
        counts=np.array([0, entries, 0, 0, 0]),
        squares=np.array([0, squares, 0, 0, 0]),
        **more,
    )


_BAD: dict[str, ImportedHistogram | Rejected] = {
    "not_finite": histogram([0, np.nan, 0, 0, 0], 2),
    "negative_count": histogram([0, -1, 0, 0, 0], 2),
    "other_binning": histogram([0, 1, 1, 0], 2, axes=(Regular(bins=2, lower=0.0, upper=3.0),)),
    "other_kind": histogram([0, 1, 0, 0, 0], 2, kind="means"),
    "bad_axes": histogram([0, 1, 0, 0], 2),
    "too_large": histogram([0, 2.0**53, 0, 0, 0], 2),
    "weighted_profile": histogram(
        [0, 1, 0, 0, 0], 2, kind="profile", counts=np.array([0, 0.5, 0, 0, 0])
    ),
    "bad_row": Rejected(
        reason="bad_row", detail="row 7", source="file.csv", run=5, lumisection=2, path="a/b"
    ),
}


@pytest.mark.parametrize("reason", _BAD)
def test_what_does_not_fit_is_counted_and_its_element_invalid(reason: str) -> None:
    """In its own LS; the others keep what they have."""
    run, rejected = fitted(histogram([0, 1, 2, 3, 0], 1), _BAD[reason])
    assert rejected == {reason: 1}
    assert run.lumisections[2].notes["file.csv"][reason] == 1
    assert element(run, 2).invalid.startswith(f"{reason}: ")
    assert element(run, 2).entries == 0
    assert element(run, 1).invalid == ""
    assert element(run, 1).entries == 6


def test_a_lumisection_with_two_contents_has_neither_and_one_that_repeats_has_it_once() -> None:
    other = histogram([0, 9, 0, 0, 0], 1, source="other.csv")
    run, rejected = fitted(
        histogram([0, 1, 0, 0, 0], 1),
        other,
        histogram([0, 1, 0, 0, 0], 1),
        histogram([0, 2, 0, 0, 0], 2),
        histogram([0, 2, 0, 0, 0], 2),
    )
    assert rejected == {"contradicting": 2}
    assert element(run, 1).invalid.startswith("contradicting: ")
    assert element(run, 1).entries == 0
    assert element(run, 2).entries == 2
    assert run.lumisections[2].notes == {"file.csv": {"repeated": 1}}


def test_a_whole_run_is_shown_alone_and_never_beside_lumisections_of_the_same_path() -> None:
    run, rejected = fitted(histogram([0, 3, 0, 0, 0], 0))
    assert list(run.lumisections) == [0]
    assert not rejected
    run, rejected = fitted(histogram([0, 3, 0, 0, 0], 0), histogram([0, 1, 0, 0, 0], 1))
    assert rejected == {"whole_run_beside_lumisections": 1}
    assert element(run, 0).entries == 0
    assert element(run, 0).invalid == "", "the sum over the run is complete"
    assert run.lumisections[0].notes["file.csv"] == {"whole_run_beside_lumisections": 1}


def test_an_lumisection_without_a_histogram_that_others_have_says_so() -> None:
    run, _ = fitted(histogram([0, 1, 0, 0, 0], 1), histogram([0, 1, 0, 0, 0], 2, path="a/c"))
    assert [one.notes["file.csv"]["absent"] for one in run.lumisections.values()] == [1, 1]


def test_runs_and_lumisections_that_cannot_be_are_rejected() -> None:
    runs, rejected = fit([histogram([0, 1, 0, 0, 0], -3)], workspace="w")
    assert runs == []
    assert [one.reason for one in rejected] == ["out_of_range"]


def test_a_rejection_in_a_lumisection_that_cannot_be_makes_no_set_of_it() -> None:
    """Bad numbers come from bad rows: 10**15 sets would never end."""
    for run_number, number in ((5, 10**15), (5, 10**30), (5, -1), (0, 3), (1 << 31, 3)):
        bad = Rejected(
            reason="bad_row",
            detail="row 7",
            source="file.csv",
            run=run_number,
            lumisection=number,
            path="a/b",
        )
        run, rejected = fitted(histogram([0, 1, 0, 0, 0]), bad)
        assert rejected == {"bad_row": 1}
        assert list(run.lumisections) == [1]


def named(*names: str) -> tuple[Axis, ...]:
    return (Integer(lower=0, upper=len(names), labels=names),)


def test_bins_with_names_in_another_order_are_put_into_the_first_one() -> None:
    """A name is what a bin means: ROOT puts first what was filled first."""
    run, rejected = fitted(
        histogram([7, 10, 1, 2, 9], 1, axes=named("A", "B", "C")),
        histogram([9, 2, 10, 1, 7], 2, axes=named("C", "A", "B")),
    )
    assert not rejected
    assert element(run, 1).counts(flow=True).tolist() == [7, 10, 1, 2, 9]
    assert element(run, 2).counts(flow=True).tolist() == [9, 10, 1, 2, 7]


@given(st.permutations(range(3)), st.permutations(range(2)), st.data())
def test_a_profile_in_any_order_of_its_names_is_the_same(
    rows: list[int], columns: list[int], data: st.DataObject
) -> None:
    """Its counts, sums and squares go together, on each axis; so it repeats what came."""
    cells = arrays(np.float64, (5, 4), elements=st.integers(0, 9))
    counts, values, squares = data.draw(cells), data.draw(cells), data.draw(cells)
    order = np.ix_([0, *(1 + row for row in rows), 4], [0, *(1 + column for column in columns), 3])
    first = histogram(
        values,
        axes=(*named("A", "B", "C"), *named("x", "y")),
        kind="profile",
        counts=counts,
        squares=squares,
    )
    other = histogram(
        values[order],
        axes=(*named(*("ABC"[row] for row in rows)), *named(*("xy"[c] for c in columns))),
        kind="profile",
        counts=counts[order],
        squares=squares[order],
    )
    run, rejected = fitted(first, other)
    assert not rejected
    assert run.lumisections[1].notes["file.csv"] == {"repeated": 1}


@pytest.mark.parametrize("names", [("A", "B", "D"), ("A", "A", "B"), ("A", "C", "C")])
def test_other_names_of_bins_are_another_binning(names: tuple[str, ...]) -> None:
    run, rejected = fitted(
        histogram([0, 1, 1, 1, 0], 1, axes=named("A", "B", "C")),
        histogram([0, 1, 1, 1, 0], 2, axes=named(*names)),
    )
    assert rejected == {"other_binning": 1}
    assert element(run, 2).entries == 0


@pytest.mark.parametrize(
    "bad",
    [
        profile(2.0**32 + 1, 1.0, 1.0),
        profile(10, 1e13, 1e26),
        profile(10, 1.0, 1e13),
        profile(10, 1.0, 2.0**140),
    ],
)
def test_sums_that_fixed_point_cannot_hold_are_rejected_not_wrapped(
    bad: ImportedHistogram,
) -> None:
    """Their file declares a range in which so many entries could never have come."""
    bad = replace(bad, value_range=(0.0, 1.0))
    good = profile(4, 2.0, 1.5, 1, value_range=(0.0, 1.0))
    run, rejected = fitted(good, bad)
    assert rejected == {"too_large": 1}
    assert element(run, 2).invalid.startswith("too_large: ")
    assert element(run, 1).values()[0] == 0.5


@pytest.mark.parametrize("squares", [1e6, 1e10, 1e12])
def test_the_range_of_weights_holds_their_squares(squares: float) -> None:
    """Weights may cancel: 0.5 may be what is left of large ones."""
    run, rejected = fitted(
        histogram([0, 0.5, 0, 0, 0], squares=np.array([0, squares, 0, 0, 0])),
    )
    assert not rejected
    place = run.layout["a/b"]
    stored = run.lumisections[1].contents.cells[place.offset + 2 * place.cells + 1]
    assert float(np.ldexp(stored, -place.square_bits)) == pytest.approx(squares)


@given(
    st.floats(0, 2.0**33).map(np.rint),
    st.floats(-(2.0**53), 2.0**53, exclude_min=True, exclude_max=True),
    st.floats(0, 2.0**137),
    st.none() | st.tuples(st.floats(), st.floats()),
    st.sampled_from(["values", "profile", "means"]),
)
def test_whatever_sums_a_file_has_they_are_kept_or_rejected(
    entries: float,
    total: float,
    squares: float,
    value_range: tuple[float, float] | None,
    kind: Kind,
) -> None:
    """Within the rounding of the range; never another number."""
    one = replace(profile(entries, total, squares, value_range=value_range), kind=kind)
    run, rejected = fitted(histogram([0, 1, 0, 0, 0], path="a/c"), one)
    if rejected:
        assert rejected.keys() <= {"too_large", "negative_count"}
        return
    place = run.layout["a/b"]
    cells = run.lumisections[2].contents.cells[place.offset :]
    if place.planes == 1:
        assert cells[1] == total
        return
    found = np.ldexp(
        cells[: 3 * place.cells].reshape(3, -1)[:, 1], [0, -place.bits, -place.square_bits]
    )
    assert found[1] == pytest.approx(total, rel=1e-15, abs=2.0**-place.bits)
    assert found[2] == pytest.approx(squares, rel=1e-15, abs=2.0**-place.square_bits)


def test_sets_are_closed_whole_and_complete_and_name_their_files() -> None:
    run, _ = fitted(
        histogram([0, 1, 0, 0, 0], 1), histogram([0, 2, 0, 0, 0], 1, path="a/c", source="other")
    )
    (piece,) = imported_sets(run, {"file.csv": "aa", "other": "bb"}, writer="me")
    merger = Merger({run.layout.hash: run.layout}.get)
    key = merger.apply(piece)
    assert key is not None
    merged = merger.merged(key)
    assert (merged.closed, merged.whole, merged.complete) == (True, True, True)
    assert merged.account.closed_by == ("imported",)
    assert merged.account.sources == ("file.csv", "other")
    assert (merged.account.seen, merged.account.chunks) == (0, 2)
    assert merged.contents.equals(run.lumisections[1].contents)
