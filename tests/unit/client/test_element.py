"""What a program gets is what the gateway has: bin by bin, through the tables that travel."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.client import Element, GatewayError
from dqmstream.client.reading import elements_of, series_of
from dqmstream.export.about import About, Exported
from dqmstream.export.columnar_series import ArrowSeries
from dqmstream.export.columns import arrow_stream
from dqmstream.export.series import Piece, Series
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from tests.random_run import BOOKING, batch_fill, random_batch

LAYOUT = Layout(BOOKING)
ABOUT = About(
    run=7,
    window="2-3",
    lumisections=(2, 3),
    closed=True,
    complete=False,
    whole=True,
    marks=("simulated",),
)


def contents(seed: int, events: int) -> Contents:
    return batch_fill(LAYOUT, [random_batch(np.random.default_rng(seed), events)])


def received(of: Contents) -> dict[str, Element]:
    exported = [Exported(place=place, contents=of, about=ABOUT) for place in LAYOUT]
    return {element.path: element for element in elements_of(arrow_stream(exported))}


@given(st.integers(0, 100), st.integers(0, 200))
def test_all_numbers_come_through(seed: int, events: int) -> None:
    """Values, errors and counts with flow and without; the same boost-histograms."""
    of = contents(seed, events)
    for path, element in received(of).items():
        ours = MonitorElement.at(of, path)
        assert (element.entries, element.nan, element.outside) == (
            ours.entries,
            ours.nan,
            ours.outside,
        )
        assert element.value == ours.value
        if not ours.axes:
            with pytest.raises(TypeError, match=f"{path} is a"):
                element.values()
            continue
        for flow in (False, True):
            np.testing.assert_array_equal(element.values(flow=flow), ours.values(flow=flow))
            np.testing.assert_array_equal(element.errors(flow=flow), ours.errors(flow=flow))
            np.testing.assert_array_equal(element.counts(flow=flow), ours.counts(flow=flow))
        theirs = element.to_boost()
        mine = ours.to_boost()
        assert theirs.axes == mine.axes
        for name in mine.view(flow=True).dtype.names or [...]:
            np.testing.assert_allclose(
                theirs.view(flow=True)[name], mine.view(flow=True)[name], rtol=1e-9, atol=1e-9
            )


def test_it_says_what_it_covers() -> None:
    element = next(iter(received(contents(1, 50)).values()))
    assert (element.run, element.first, element.last, element.lumisections) == (7, 2, 3, 2)
    assert (element.closed, element.complete, element.whole) == (True, False, True)
    assert element.about["marks"] == ["simulated"]
    assert f"{element.entries} entries in run 7 LS 2-3 (closed, incomplete)" in str(element)


def test_tables_and_drawings_for_people() -> None:
    """A row for each bin; a drawing that notebooks show, with the words below it."""
    drawn = 0
    for element in received(contents(1, 200)).values():
        shown = element._repr_html_()
        assert element.path in shown
        if not element.axes:
            continue
        table = element.to_pandas()
        assert len(table) == element.values().size
        assert table["entries"].sum() == element.counts().sum()
        values, *edges = element.to_numpy()
        assert [len(each) - 1 for each in edges] == list(values.shape)
        assert element.to_hist().ndim == len(element.axes)
        drawn += "<svg" in shown
    assert drawn > 1


@given(st.lists(st.integers(0, 1000), min_size=0, max_size=5))
def test_a_series_is_the_elements_one_by_one(seeds: list[int]) -> None:
    each = [contents(seed, 40) for seed in seeds]
    numbers = tuple(3 + 2 * index for index in range(len(each)))
    about = About(run=7, window="run", lumisections=numbers, closed=True, complete=True, whole=True)
    for place in LAYOUT:
        if not place.planes:
            continue
        writer = ArrowSeries(Series(place=place, workspace=BOOKING.workspace, about=about))
        body = b""
        for index in range(0, len(each), 2):
            part = each[index : index + 2]
            rows = [of.cells[place.offset : place.offset + place.size] for of in part]
            flags = np.ones(len(part), bool)
            chosen = np.array(numbers[index : index + 2], np.int64)
            body += writer.piece(Piece(chosen, flags, flags, np.stack(rows)))
        body += b"".join(writer.end())
        series = series_of(body)
        assert (series.path, series.run, len(series)) == (place.element.path, 7, len(each))
        assert series.lumisections.tolist() == list(numbers)
        for index, of in enumerate(each):
            ours = MonitorElement(of, place)
            np.testing.assert_array_equal(series.values(flow=True)[index], ours.values(flow=True))
            np.testing.assert_array_equal(series[index].errors(), ours.errors())
            assert series[index].first == numbers[index]
        if each and len(series.axes) == 1:
            assert series.to_pandas().shape == series.values().shape
            assert len(series.to_awkward()) == len(each)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 200])
def test_an_answer_that_is_no_table_is_said(body: bytes) -> None:
    for read in (elements_of, series_of):
        with pytest.raises(GatewayError, match="no table of a gateway"):
            read(body)


def test_a_table_of_others_is_said() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema({"x": pa.int64()})):
        pass
    with pytest.raises(GatewayError, match="no table of a gateway"):
        elements_of(sink.getvalue().to_pybytes())
