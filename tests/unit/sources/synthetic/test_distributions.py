"""Each shape has the moment its formula says: sample means of 200 000 draws, within 5 sigma."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqmstream.sources.synthetic.distributions import (
    EULER_GAMMA,
    gaussian,
    geometric,
    moyal,
    power_law,
    uniform,
)

DRAWS = 200_000


@pytest.mark.parametrize(
    ("draw", "mean", "sigma"),
    [
        (lambda rng: uniform(rng, DRAWS, -1, 3), 1.0, 4 / math.sqrt(12)),
        (lambda rng: gaussian(rng, DRAWS, 5, 2), 5.0, 2.0),
        (
            lambda rng: moyal(rng, DRAWS, 22, 2.6),
            22 + 2.6 * (EULER_GAMMA + math.log(2)),
            2.6 * math.pi / math.sqrt(2),
        ),
        (lambda rng: power_law(rng, DRAWS, 3, 5), 4.0, math.sqrt(2)),
        (lambda rng: geometric(rng, DRAWS, 3), 3.0, math.sqrt(6)),
    ],
    ids=["uniform", "gaussian", "moyal", "power law", "geometric"],
)
def test_the_mean_is_that_of_the_formula(
    draw: Callable[[np.random.Generator], Any], mean: float, sigma: float
) -> None:
    values = draw(np.random.default_rng(1))
    assert values.dtype == np.float32
    assert values.mean(dtype=float) == pytest.approx(mean, abs=5 * sigma / math.sqrt(DRAWS))


def test_the_moyal_peaks_at_its_most_probable_value() -> None:
    values = moyal(np.random.default_rng(2), DRAWS, 22, 2.6)
    counts, edges = np.histogram(values, bins=60, range=(10, 40))
    peak = edges[counts.argmax()] + 0.25
    assert peak == pytest.approx(22, abs=1)


def test_a_power_law_never_falls_below_its_minimum_and_is_always_finite() -> None:
    values = power_law(np.random.default_rng(3), DRAWS, 0.5, 4)
    assert values.min() >= 0.5
    assert np.isfinite(values).all()


def test_geometric_numbers_are_whole_and_fall_by_a_constant_factor() -> None:
    counts = np.bincount(geometric(np.random.default_rng(4), DRAWS, 3).astype(int))
    assert counts[0] == 0
    assert counts[2:8] / counts[1:7] == pytest.approx(np.full(6, 2 / 3), rel=0.05)
