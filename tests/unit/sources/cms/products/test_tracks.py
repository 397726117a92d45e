"""Columns of tracks are what a loop over tracks in plain Python makes of the raw members."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.cms.decoding.branch import Branch, Product
from tests.made_products import branch, columns_of, product, ragged

_TRACKS = branch("vector<reco::Track>")
_VERTICES = branch("vector<reco::Vertex>")
_REFERENCES = "tracks_.holder_.ref_.index_"

_momenta = st.floats(0.015625, 500, width=32)
_lengths = st.floats(-30, 30, width=32)
_vector = st.tuples(
    st.tuples(_momenta | _momenta.map(lambda p: -p), _momenta, _lengths),
    st.tuples(_lengths, _lengths, _lengths),
)


def _product(vectors: list[Any], **more: Any) -> Product:
    members: dict[str, Any] = dict(more)
    for name, place in (("momentum_", 0), ("vertex_", 1)):
        for axis in range(3):
            values = [vector[place][axis] for vector in vectors]
            members[f"{name}.fCoordinates.f{'XYZ'[axis]}"] = np.array(values, np.float32)
    return product([len(vectors)], members)


def _objects(found: Product, *names: str, others: dict[Branch, Product] | None = None) -> Any:
    columns = columns_of({_TRACKS: found, **(others or {})}, [f"tracks.{name}" for name in names])
    return columns["tracks"]


@given(st.lists(_vector, min_size=1, max_size=8))
def test_kinematics_and_impact_parameters_are_those_of_the_formulas(vectors: list[Any]) -> None:
    (objects,) = _objects(_product(vectors), "pt", "eta", "phi", "dxy", "dz")
    for found, ((px, py, pz), (vx, vy, vz)) in zip(objects, vectors, strict=True):
        pt = math.sqrt(px * px + py * py)
        theta = math.atan2(pt, pz)
        assert found["pt"] == pytest.approx(pt, rel=1e-6)
        assert found["phi"] == pytest.approx(math.atan2(py, px), abs=1e-6)
        assert found["eta"] == pytest.approx(-math.log(math.tan(theta / 2)), rel=1e-5, abs=1e-6)
        assert found["dxy"] == pytest.approx((vy * px - vx * py) / pt, rel=1e-5, abs=1e-5)
        dz = vz - (vx * px + vy * py) / pt * pz / pt
        assert found["dz"] == pytest.approx(dz, rel=1e-5, abs=1e-3 * (1 + abs(pz / pt)))


def test_errors_come_from_the_covariance_and_the_slope() -> None:
    covariance = np.zeros((1, 15), np.float32)
    covariance[0, 9], covariance[0, 14] = 0.04, 0.09
    found = _product([((3.0, 4.0, 12.0), (0.0, 0.0, 0.0))], covariance_=covariance)
    ((track,),) = _objects(found, "dxy_error", "dz_error")
    assert track["dxy_error"] == pytest.approx(0.2)
    assert track["dz_error"] == pytest.approx(0.3 * 13 / 5)


def test_charge_over_momentum_and_normalized_chi2() -> None:
    found = _product(
        [((3.0, 4.0, 12.0), (0.0, 0.0, 0.0))] * 2,
        charge_=np.array([-1, 1], np.int8),
        chi2_=np.array([6, 6], np.float32),
        ndof_=np.array([4, 0], np.float32),
    )
    ((first, second),) = _objects(found, "charge", "qoverp", "normalized_chi2")
    assert (first["charge"], second["charge"]) == (-1, 1)
    assert first["qoverp"] == pytest.approx(-1 / 13)
    assert first["normalized_chi2"] == 1.5
    assert second["normalized_chi2"] == 6e6


def test_a_track_without_momentum_is_nan_and_no_error() -> None:
    ((track,),) = _objects(_product([((0.0,) * 3, (1.0,) * 3)]), "pt", "eta", "dxy")
    assert track["pt"] == 0
    assert math.isnan(track["eta"])
    assert math.isnan(track["dxy"])


def test_a_track_knows_the_first_vertex_of_its_own_event_that_refers_to_it() -> None:
    tracks = product([3, 0, 2])
    vertices = product(
        [2, 1, 1],
        of_any_length={
            # The third vertex is in an event without tracks, the fourth refers beyond its tracks.
            _REFERENCES: ragged([[2], [0, 2], [1], [1, 2, 4_000_000_000]], "u4"),
            "weights_": ragged([[255], [51, 102], [255], [204, 255, 255]], "u1"),
        },
    )
    columns = ["tracks.vertex", "tracks.vertex_weight"]
    found = columns_of({_TRACKS: tracks, _VERTICES: vertices}, columns)["tracks"]
    assert [[track["vertex"] for track in event] for event in found] == [[1, -1, 0], [], [-1, 0]]
    weights = [track["vertex_weight"] for event in found for track in event]
    assert weights == pytest.approx([0.2, 0, 1, 0, 0.8])


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.lists(st.integers(0, 6), max_size=4), max_size=3)),
        min_size=1,
        max_size=5,
    )
)
def test_vertices_of_tracks_are_those_of_a_loop(events: list[tuple[int, list[list[int]]]]) -> None:
    rows = [row for _, vertices in events for row in vertices]
    vertices = product(
        [len(found) for _, found in events],
        of_any_length={
            _REFERENCES: ragged(rows, "u4"),
            "weights_": ragged([[255] * len(row) for row in rows], "u1"),
        },
    )
    tracks = product([count for count, _ in events])
    found = columns_of({_TRACKS: tracks, _VERTICES: vertices}, ["tracks.vertex"])["tracks"]
    for objects, (count, of_event) in zip(found, events, strict=True):
        expected = [
            next((v for v, row in enumerate(of_event) if track in row), -1)
            for track in range(count)
        ]
        assert [track["vertex"] for track in objects] == expected


def test_weights_that_do_not_go_with_the_references_are_not_used() -> None:
    vertices = product(
        [1], of_any_length={_REFERENCES: ragged([[0]], "u4"), "weights_": ragged([[]], "u1")}
    )
    columns = ["tracks.vertex", "tracks.vertex_weight"]
    found = columns_of({_TRACKS: product([1]), _VERTICES: vertices}, columns)["tracks"]
    assert found == [[{"vertex": 0, "vertex_weight": 0}]]


def test_without_a_branch_of_vertices_no_track_has_a_vertex_column() -> None:
    found = columns_of({_TRACKS: product([1])}, ["tracks.vertex"])
    assert found == {}
