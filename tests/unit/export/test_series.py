"""One element over many lumisections: the same numbers however it is cut into pieces."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dqmstream.export.about import About
from dqmstream.export.series import Piece, Series
from dqmstream.export.series_formats import SERIES_WRITERS
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.store.testing import EVERY_KIND, random_contents

LAYOUTS = [
    Layout(Booking(workspace="w", elements=(element,)))
    for element in EVERY_KIND.elements
    if element.__struct_config__.tag in {"histogram", "profile"}
]


def contents_of(layout: Layout, rows: int) -> list[Contents]:
    random = np.random.default_rng(3)
    made = [random_contents(layout, random, entries=0.7) for _ in range(rows)]
    for each in made:
        # Squares as filling makes them: at least the square of the mean.
        place = layout.elements[0]
        if place.planes == 3:
            size = place.cells
            each.cells[2 * size : 3 * size] = each.cells[:size] << 25
            each.cells[size : 2 * size] = each.cells[:size] << 3
    return made


def written(form: str, series: Series, cells: np.ndarray, at_once: int) -> bytes:
    writer = SERIES_WRITERS[form](series)
    body = b""
    numbers = np.array(series.about.lumisections)[: len(cells)]
    for start in range(0, len(cells), at_once):
        some = slice(start, start + at_once)
        closed = numbers[some] % 2 == 0
        body += writer.piece(Piece(numbers[some], closed, ~closed, cells[some]))
    body += b"".join(writer.end())
    writer.close()
    return body


def read(form: str, body: bytes) -> dict[str, np.ndarray]:
    if form == "npy":
        records = np.load(io.BytesIO(body))
        return {name: records[name] for name in records.dtype.names}
    if form == "npz":
        arrays = dict(np.load(io.BytesIO(body)))
        return {**arrays, "lumisection": arrays["lumisections"]}
    table = (
        pa.ipc.open_stream(body).read_all() if form == "arrow" else pq.read_table(io.BytesIO(body))
    )
    shape = json.loads(table.schema.metadata[b"dqmstream"])["shape"]
    return {
        name: np.array(column.combine_chunks().flatten()).reshape(-1, *shape)
        if pa.types.is_fixed_size_list(column.type)
        else np.array(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def about(rows: int) -> About:
    numbers = tuple(range(3, 3 + rows))
    return About(run=1, window="run", lumisections=numbers, closed=True, complete=True, whole=True)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.elements[0].element.path)
@pytest.mark.parametrize("form", list(SERIES_WRITERS))
@pytest.mark.parametrize("flow", [True, False])
def test_rows_are_what_single_elements_say(form, layout, flow):
    parts = contents_of(layout, 11)
    place = layout.elements[0]
    series = Series(place=place, workspace="w", about=about(11), flow=flow)
    cells = np.array([part.cells for part in parts])
    single = [MonitorElement(part, place) for part in parts]
    for at_once in (4, 100):
        found = read(form, written(form, series, cells, at_once))
        assert found["lumisection"].tolist() == list(range(3, 14))
        assert found["closed"].tolist() == [n % 2 == 0 for n in range(3, 14)]
        assert np.array_equal(found["counts"], [each.counts(flow=flow) for each in single])
        for name in {"values", "errors"} & found.keys():
            want = [getattr(each, name)(flow=flow) for each in single]
            assert np.array_equal(found[name], want, equal_nan=True)


@pytest.mark.parametrize("form", list(SERIES_WRITERS))
def test_a_series_of_nothing_is_a_file_with_no_rows(form):
    place = LAYOUTS[0].elements[0]
    series = Series(place=place, workspace="w", about=about(0))
    found = read(form, written(form, series, np.empty((0, place.size), np.int64), 5))
    assert len(found["counts"]) == len(found["lumisection"]) == 0


@pytest.mark.parametrize("form", list(SERIES_WRITERS))
def test_rows_that_were_announced_and_never_came_are_an_error(form):
    place = LAYOUTS[0].elements[0]
    series = Series(place=place, workspace="w", about=about(3))
    with pytest.raises(ValueError, match="2 LSs came, 3 were announced"):
        written(form, series, np.zeros((2, place.size), np.int64), 5)
