"""Cells are drawn by weight, and found by address."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.cells import Cells, parse_address

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=1, max_size=20)


@given(weights=WEIGHTS, seed=st.integers(0, 1000))
def test_cells_come_as_often_as_their_weight_says(weights: list[float], seed: int) -> None:
    cells = Cells({"cell": np.arange(len(weights))}, weights)
    draws = 20_000
    counts = np.bincount(cells.draw(np.random.default_rng(seed), draws), minlength=len(weights))
    expected = draws * np.array(weights) / sum(weights)
    assert counts.sum() == draws
    assert (abs(counts - expected) <= 7 * np.sqrt(expected) + 7).all()


def test_only_cells_at_an_address_are_drawn_there_by_weight() -> None:
    columns = {"side": np.array([0, 0, 1, 1]), "cell": np.array([0, 1, 2, 3])}
    cells = Cells(columns, [5, 5, 1, 3])
    chosen = cells.draw(np.random.default_rng(1), 10_000, parse_address("side1"))
    assert set(chosen.tolist()) == {2, 3}
    assert np.mean(chosen == 3) == pytest.approx(0.75, abs=0.03)
    assert cells.share(parse_address("side1")) == pytest.approx(4 / 14)
    assert cells.share(parse_address("side1/cell3")) == pytest.approx(3 / 14)


def test_columns_that_are_not_whole_numbers_are_no_addresses() -> None:
    cells = Cells({"cell": np.arange(3), "z": np.array([0.0, 1.0, 2.0])})
    assert cells.names == ("cell",)
    with pytest.raises(ConfigurationError, match="nothing is at 'z1': expected cell 0 to 2"):
        cells.checked(parse_address("z1"))


def test_an_address_is_names_and_whole_numbers() -> None:
    assert parse_address("wheel-2/sector11") == (("wheel", -2), ("sector", 11))
