"""What is drawn of an event, and how it is cut to a size."""

import math
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.displays.columns import DISPLAY_COLUMNS, LAYERS
from dqmstream.displays.fitting import SMALLEST, fitted, size_of
from dqmstream.displays.picture import MOST_OBJECTS, layers_of, spot_of
from dqmstream.messages.display import DisplayLayer, EventDisplay
from dqmstream.messages.wire import CODEC
from tests.unit.displays.events import TRACK, collection, columns, track


def test_objects_come_from_the_hardest_on_and_rounded() -> None:
    made = columns([[], [track(0.5), track(3.14159, eta=-1.23456), track(2.0)]], [[], []])
    assert layers_of(made, 0) == ()
    (layer,) = layers_of(made, 1)
    assert (layer.kind, layer.collection, layer.total) == ("track", "tracks", 3)
    assert layer.members["pt"] == (3.142, 2, 0.5)
    assert layer.members["eta"] == (-1.2346, 0.5, 0.5)
    assert layer.members["charge"] == (-1, -1, -1)
    assert "dxy" not in layer.members


def test_objects_without_a_place_are_left_out_and_still_counted() -> None:
    made = columns([[track(math.nan), track(2.0, eta=math.inf), track(1.0, vx=math.nan)]], [[]])
    (layer,) = layers_of(made, 0)
    assert (layer.total, layer.members["pt"], layer.members["vx"]) == (3, (1,), (None,))
    assert orjson.loads(orjson.dumps(msgspec.to_builtins(layer)))["members"]["vx"] == [None]


def test_vertices_that_are_none_are_not_drawn() -> None:
    members = {"x": np.float64, "y": np.float64, "z": np.float64, "valid": np.bool_}
    rows = [{"x": 0.1, "y": 0.2, "z": z, "valid": z > 0} for z in (1.0, -1.0, 2.0)]
    (layer,) = layers_of(
        columns([[]], [[]], collections={"vertices": collection([rows], members)}), 0
    )
    assert (layer.kind, layer.total, layer.members["z"]) == ("vertex", 3, (1, 2))
    assert "valid" not in layer.members
    assert "vertices.valid" in DISPLAY_COLUMNS


def test_a_collection_that_lacks_what_is_needed_is_not_drawn() -> None:
    jets = collection([[{"pt": 30.0, "eta": 1.0}]], {"pt": np.float32, "eta": np.float32})
    assert layers_of(columns([[]], [[]], collections={"scouting_jets": jets}), 0) == ()


def test_a_member_is_found_under_any_of_its_names() -> None:
    row = {"pt": 5.0, "eta": 0.0, "phi": 0.0, "trk_vx": 0.1, "charge": 1}
    members = dict.fromkeys(row, np.float32)
    made = columns([[]], [[]], collections={"scouting_muons_vtx": collection([[row]], members)})
    (layer,) = layers_of(made, 0)
    assert layer.members["vx"] == (0.1,)
    assert "scouting_muons_vtx.trk_vx" in DISPLAY_COLUMNS


def test_the_beam_spot_is_there_if_the_event_has_a_sound_one() -> None:
    names = ("x", "y", "z", "width_x", "sigma_z")
    members = dict.fromkeys(names, np.float64)
    rows = [[dict(zip(names, (0.17, -0.19, 1.0, 0.01, 4.0), strict=True))], []]
    rows += [[dict.fromkeys(names, math.nan)]]
    found = columns([[]] * 3, [[]] * 3, collections={"beam_spot": collection(rows, members)})
    spot = spot_of(found, 0)
    assert spot is not None
    assert (spot.x, spot.y, spot.sigma_z, spot.width_y) == (0.17, -0.19, 4.0, 0.0)
    assert spot_of(found, 1) is None
    assert spot_of(found, 2) is None
    assert spot_of(columns([[]], [[]]), 0) is None


def test_no_event_draws_more_objects_than_can_be_seen() -> None:
    made = columns([[track(float(n)) for n in range(MOST_OBJECTS + 5)]], [[]])
    (layer,) = layers_of(made, 0)
    assert (layer.total, len(layer.members["pt"])) == (MOST_OBJECTS + 5, MOST_OBJECTS)
    assert min(p for p in layer.members["pt"] if p is not None) == 5


def test_all_columns_of_all_layers_are_asked_of_sources() -> None:
    for layer in LAYERS:
        assert {f"{layer.collection}.{name}" for name in layer.decimals} <= DISPLAY_COLUMNS
        assert set(layer.needed) <= layer.decimals.keys()
    assert {"event", "time", "beam_spot.x", "tracks.pt"} <= DISPLAY_COLUMNS


LAYER = st.builds(
    lambda n, extra: DisplayLayer(
        kind="track",
        collection="tracks",
        total=n + extra,
        members={"pt": tuple(float(n - i) for i in range(n)), "eta": (0.123,) * n},
    ),
    st.integers(0, 900),
    st.integers(0, 5),
)


def display(**given_: Any) -> EventDisplay:
    return EventDisplay(run=1, lumisection=1, event=2**64 - 1, rule="every:1", why="any", **given_)


@given(
    st.lists(LAYER, max_size=4),
    st.lists(st.text(max_size=300), max_size=400),
    st.integers(SMALLEST, 30_000),
)
def test_a_cut_event_fits_and_keeps_its_hardest_objects(
    layers: list[DisplayLayer], paths: list[str], limit: int
) -> None:
    whole = display(layers=tuple(layers), paths=tuple(paths), paths_passed=len(paths))
    cut = fitted(whole, limit)
    assert size_of(cut) <= limit
    assert cut.paths_passed == len(paths)
    for before, after in zip(whole.layers, cut.layers, strict=True):
        assert after.total == before.total
        for name, values in after.members.items():
            assert values == before.members[name][: len(values)]
    if size_of(whole) <= limit and all(len(p) <= 120 for p in paths) and len(paths) <= 300:
        assert cut == whole


def test_an_event_survives_the_wire() -> None:
    made = columns([[track(1.0), track(2.0)]], [[]])
    message = display(layers=layers_of(made, 0))
    headers, value = CODEC.encode(message)
    assert CODEC.decode(headers, value) == message


def test_a_limit_that_holds_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4096"):
        fitted(display(), 10)


def test_the_columns_of_tests_are_those_of_tracks() -> None:
    assert set(TRACK) <= set(LAYERS[0].decimals)
