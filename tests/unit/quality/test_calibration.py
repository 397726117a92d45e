"""p-values of all tests against references: uniform or larger without a fault, small with one.

With DQMSTREAM_TEST_PLOTS=FOLDER the numbers are written there, as JSON and as a figure: that of
`make calibration` is the one in the documentation.
"""

import os
from pathlib import Path

import pytest

from dqmstream.quality.algorithm import Needs
from dqmstream.quality.registry import ALGORITHMS
from tests.calibration import CASES, HOLES, SHIFTS, Calibration, calibrate, write

FACTOR = {"Wasserstein": 1.25}
"""How much too small a p-value may be: the docstrings of the tests say so."""
BLIND = {
    "KolmogorovSmirnov": "hole",
    "AndersonDarling": "hole",
    "Wasserstein": "hole",
    "EfficiencyMatchesReference": "shift",
}
"""Tests of cumulative sums do not see a hole in one bin, nor do efficiencies see a shift."""


def _check(found: Calibration) -> None:
    factor = FACTOR.get(found.algorithm, 1.0)
    for level in (0.1, 0.01, 0.001):
        part = found.null[found.levels.index(level)]
        # Within 3.1 sigmas of a binomial distribution, one-sided.
        assert found.excess(level) > 1e-3 or part < factor * level, (found.algorithm, level, part)
    blind = BLIND.get(found.algorithm)
    if blind != "shift":
        assert found.shift[SHIFTS.index(1.0)] > 0.99
    if blind != "hole":
        assert found.hole[HOLES.index(0.8)] > 0.99


def test_what_is_calibrated_are_all_that_state_a_p_value_of_a_reference() -> None:
    """Those that CMSSW has, and data against emulators, are held to numbers instead."""
    wanted = {
        name
        for name, one in ALGORITHMS.items()
        if one.needs in {Needs.REFERENCE, Needs.BAND} and not name.startswith("Comp2Ref")
    }
    assert wanted - {"NearestReference", "CombinedDistance"} == set(CASES)


@pytest.mark.parametrize("algorithm", CASES)
def test_p_values_and_power(algorithm: str) -> None:
    _check(calibrate(algorithm, trials=3000, powers=100, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_p_values_and_power_at_length() -> None:
    found = [calibrate(name, trials=60_000, powers=1000, seed=2) for name in CASES]
    if folder := os.environ.get("DQMSTREAM_TEST_PLOTS"):
        write(Path(folder), found)
    for one in found:
        _check(one)
