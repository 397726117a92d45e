"""Columns of vertices and of the beam spot, from covariances, references and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_products import branch, columns_of, product, ragged

_VERTICES = branch("vector<reco::Vertex>")
_BEAM_SPOT = branch("reco::BeamSpot")


def test_errors_and_covariances_are_elements_of_the_lower_triangle() -> None:
    elements = np.array([[4, 0.1, 9, 0.2, 0.3, 16, 7, 7, 7, 7]], np.float32)
    names = ["x_error", "y_error", "z_error", "xy_covariance", "xz_covariance", "yz_covariance"]
    found = columns_of(
        {_VERTICES: product([1], {"covariance_": elements})}, [f"vertices.{n}" for n in names]
    )
    ((vertex,),) = found["vertices"]
    assert [vertex[name] for name in names] == pytest.approx([2, 3, 4, 0.1, 0.2, 0.3])


@given(st.lists(st.lists(st.integers(0, 255), max_size=5), max_size=6))
def test_references_are_counted_and_weights_summed_for_each_vertex(rows: list[list[int]]) -> None:
    found = columns_of(
        {
            _VERTICES: product(
                [len(rows)],
                of_any_length={
                    "tracks_.holder_.ref_.index_": ragged(rows, "u4"),
                    "weights_": ragged(rows, "u1"),
                },
            )
        },
        ["vertices.tracks", "vertices.weight_sum"],
    )
    (objects,) = found["vertices"]
    assert [vertex["tracks"] for vertex in objects] == [len(row) for row in rows]
    sums = [vertex["weight_sum"] for vertex in objects]
    assert sums == pytest.approx([sum(row) / 255 for row in rows], rel=1e-6)


def test_more_references_than_the_column_holds_are_its_highest_number() -> None:
    found = columns_of(
        {
            _VERTICES: product(
                [1], of_any_length={"tracks_.holder_.ref_.index_": ragged([[1] * 70_000], "u4")}
            )
        },
        ["vertices.tracks"],
    )
    assert found["vertices"] == [[{"tracks": 65535}]]


def test_errors_of_the_beam_spot_are_the_diagonal_of_seven() -> None:
    covariance = np.zeros((7, 7))
    np.fill_diagonal(covariance, np.arange(1.0, 8.0) ** 2)
    lower = covariance[np.tril_indices(7)][None, :]
    names = ["x", "y", "z", "sigma_z", "dxdz", "dydz", "width"]
    found = columns_of(
        {_BEAM_SPOT: product([0, 1], {"error_.fRep.fArray": lower})},
        [f"beam_spot.{name}_error" for name in names],
    )
    assert found["beam_spot"][0] == []
    (spot,) = found["beam_spot"][1]
    assert [spot[f"{name}_error"] for name in names] == [1, 2, 3, 4, 5, 6, 7]
