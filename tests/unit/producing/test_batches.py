"""What people hold events in becomes the record batch that travels."""

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.errors import MessageError
from dqmstream.producing.batches import as_batch

LISTS = st.lists(st.lists(st.floats(width=32, allow_nan=False), max_size=4), max_size=8)


def decoded(events: object):
    batch = as_batch(events)
    return decode_batch(encode_batch(batch), selected=batch.num_rows)


@given(LISTS)
def test_a_mapping_of_members_is_a_collection(lists: list[list[float]]) -> None:
    events = {
        "n": np.arange(len(lists)),
        "hit": {"charge": lists, "twice": [np.multiply(row, 2.0) for row in lists]},
    }
    columns = decoded(events)
    flat = [value for row in lists for value in row]
    assert columns.events == len(lists)
    assert np.diff(columns.collections["hit"].offsets).tolist() == [len(row) for row in lists]
    assert columns.collections["hit"].members["charge"].tolist() == flat
    assert columns.collections["hit"].members["twice"].tolist() == [2.0 * each for each in flat]


@given(LISTS.filter(any))
def test_awkward_records_say_what_mappings_say(lists: list[list[float]]) -> None:
    jagged = ak.Array(lists)
    whole = ak.zip({"n": np.arange(len(lists)), "hit": ak.zip({"charge": jagged})}, depth_limit=1)
    same = {"n": np.arange(len(lists)), "hit": {"charge": lists}}
    assert as_batch(whole).equals(as_batch(same))
    assert as_batch({"n": np.arange(len(lists)), "hit": {"charge": jagged}}).equals(as_batch(same))


def test_types_are_kept() -> None:
    kinds = ["bool", "int8", "uint16", "int64", "uint64", "float32", "float64"]
    events = {f"of_{kind}": np.array([1, 0], kind) for kind in kinds}
    columns = decoded(events | {"menu": ["a", "b"]})
    assert {name: values.dtype.name for name, values in columns.values.items()} == {
        f"of_{kind}": kind for kind in kinds
    }
    assert columns.texts["menu"].to_pylist() == ["a", "b"]


def test_a_frame_and_a_table_are_taken_as_they_are() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5], "n": [1, 2]}, index=[7, 9])
    same = as_batch({"x": [1.5, 2.5], "n": [1, 2]})
    assert as_batch(frame).equals(same)
    assert as_batch(pa.table({"x": [1.5, 2.5], "n": [1, 2]})).equals(same)
    assert as_batch(pa.table({"x": pa.array([], pa.float64())})).num_rows == 0


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ({"x": [1.0], "y": [1.0, 2.0]}, "differ in length: x 1, y 2"),
        ({}, "no columns"),
        ({"hit": {"x": [[1.0], []], "y": [[1.0], [2.0]]}}, r"hit\.x and hit\.y differ"),
        ({"hit": {}}, "no members"),
        ({"x": np.zeros((2, 2))}, "2 dimensions"),
        ({"x": np.zeros(2, complex)}, "complex128"),
        ({"x": [object()]}, "object"),
        ({"hit": {"x": [[[1.0]]]}}, r"hit\.x: expected one sequence"),
        ({"hit": {"x": [["a"]]}}, r"hit\.x holds <U1"),
        (pa.table({"x": [1.0, None]}), "1 nulls"),
        (pd.DataFrame({"x": ["a", None]}), "1 nulls"),
        (ak.Array([[1.0], []]), "expected a mapping"),
        ({"x": ak.Array([[1.0], []])}, "lists of records"),
        (3, "events are a int"),
    ],
)
def test_what_cannot_travel_is_refused_by_name(events: object, says: str) -> None:
    with pytest.raises(MessageError, match=says):
        decoded(events)
