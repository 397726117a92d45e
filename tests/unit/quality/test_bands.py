"""Making bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.quality.bands import make_band


def test_a_band_is_median_and_quantiles_per_unit() -> None:
    counts = np.arange(100, 201)[:, None] * [[1, 3]]
    band = make_band(counts * 1.0, np.full(101, 2.0))
    assert band.centre == pytest.approx([75, 225])
    assert band.lower == pytest.approx([50 + 50 * 0.15866, 3 * (50 + 50 * 0.15866)], rel=1e-4)
    assert band.upper == pytest.approx([50 + 50 * 0.84134, 3 * (50 + 50 * 0.84134)], rel=1e-4)
    assert band.statistical == pytest.approx([150 / 4, 450 / 4])


def test_half_of_the_range_is_a_standard_deviation() -> None:
    random = np.random.default_rng(1)
    band = make_band(random.normal(1000, 50, (20000, 1)), np.ones(20000))
    assert (band.upper - band.lower)[0] / 2 == pytest.approx(50, rel=0.03)


def test_a_few_wild_lumisections_move_it_by_little() -> None:
    random = np.random.default_rng(2)
    counts = random.poisson([0.2, 5.0, 300.0], (400, 3)).astype(float)
    clean = make_band(counts, np.ones(400))
    counts[:20] = 1e6
    wild = make_band(counts, np.ones(400))
    assert wild.centre == pytest.approx(clean.centre, rel=0.1, abs=0.6)
    assert wild.upper == pytest.approx(clean.upper, rel=0.1, abs=1)


def test_rare_entries_have_a_mean_where_the_median_is_none() -> None:
    random = np.random.default_rng(3)
    band = make_band(random.poisson(0.3, (2000, 4)).astype(float), np.ones(2000))
    assert band.centre == pytest.approx(0.3, rel=0.15)


def test_means_that_are_missing_are_left_out() -> None:
    means = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]])
    band = make_band(means, np.ones(3), np.full((3, 2), 0.25))
    assert band.centre[0] == 2
    assert band.statistical[0] == 0.25
    assert np.isnan(band.centre[1])
    assert np.isnan(band.upper[1])


def test_lumisections_without_units_are_left_out() -> None:
    band = make_band(np.array([[50.0], [1.0], [70.0]]), np.array([1.0, 0.0, 1.0]))
    assert band.centre[0] == 60
    assert np.isnan(make_band(np.ones((2, 3)), np.zeros(2)).centre).all()


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3,\)"):
        make_band(np.ones((2, 3)), np.ones(3))


members = nps.arrays(np.int64, (7, 5), elements=st.integers(0, 1000))


@given(counts=members, order=st.permutations(range(7)), unit=st.sampled_from([0.5, 1.0, 4.0]))
def test_neither_the_order_of_lumisections_nor_the_unit_matters(counts, order, unit) -> None:
    plain = make_band(counts * 1.0, np.ones(7))
    other = make_band(counts[order] * 1.0, np.full(7, unit))
    assert (plain.lower <= plain.centre).all()
    assert (plain.centre <= plain.upper).all()
    for name in ("centre", "lower", "upper"):
        assert getattr(other, name) * unit == pytest.approx(getattr(plain, name))
    assert other.statistical * unit**2 == pytest.approx(plain.statistical)
