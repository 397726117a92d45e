"""All of CMSSW's quality tests: elements that are judged together get what each gets alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import Stack
from tests.stacks import against, counts_stack, weighted_stack

# Parameters that let some bins fail and some not, and what is taken: lines, maps, both.
TESTS: dict[str, tuple[dict[str, Any], str]] = {
    "CheckVariance": ({"minimum": 3.0, "maximum": 4.0}, "line"),
    "Comp2Ref2DChi2": ({}, "map"),
    "Comp2RefChi2": ({}, "line"),
    "Comp2RefEqualH": ({}, "both"),
    "Comp2RefKolmogorov": ({}, "line"),
    "CompareLastFilledBin": ({"av_val": 5.0, "max_val": 8.0}, "both"),
    "CompareToMedian": ({"min_rel": 0.6, "max_rel": 1.5, "stat_cut": 40.0}, "map"),
    "ContentSigma": ({"x_blocks": 2, "tolerance_noisy": 1, "tolerance_dead": 1}, "both"),
    "ContentsWithinExpected": ({"min_mean": 4.0, "tolerance_mean": 0.5}, "both"),
    "ContentsXRange": ({"xmin": 0.3}, "line"),
    "ContentsYRange": ({"ymin": 4.0}, "both"),
    "DeadChannel": ({"threshold": 3}, "both"),
    "MeanWithinExpected": ({"xmin": 0.4, "xmax": 0.5}, "line"),
    "NoisyChannel": ({"tolerance": 0.3, "neighbours": 1}, "both"),
}
CASES = [
    (name, compatible, dimensions)
    for name, (_, takes) in TESTS.items()
    for compatible in (False, True)
    for dimensions in (1, 2)
    if takes == "both" or (takes == "line") == (dimensions == 1)
]
PROFILES = (
    "CheckVariance",
    "Comp2RefChi2",
    "CompareToMedian",
    "ContentsWithinExpected",
    "ContentsYRange",
)


def parameters_of(name: str, *, compatible: bool) -> Any:
    given_ones = TESTS[name][0]
    if name == "CheckVariance" and compatible:
        given_ones = {}
    return ALGORITHMS[name].parameters(**given_ones, cmssw_compatible=compatible)


def random_stack(name: str, dimensions: int, seed: int) -> Stack:
    """5 elements, some bins and one element of them empty, weights or means by chance."""
    random = np.random.default_rng(seed)
    shape = (5, *(6, 4)[:dimensions])

    def drawn() -> Stack:
        counts = random.poisson(6, shape) * (random.random(shape) > 0.1)
        counts[3] = 0
        if seed % 2:
            return counts_stack(counts)
        values = random.normal(5, 2, shape)
        profile = name in PROFILES and seed % 4 == 0
        return weighted_stack(counts, counts * values, counts * (values**2 + 1), profile=profile)

    return against(drawn(), drawn())


@pytest.mark.parametrize(("name", "compatible", "dimensions"), CASES)
@settings(max_examples=8)
@given(seed=st.integers(0, 2000))
def test_a_stack_gives_the_same_as_one_by_one(
    name: str, compatible: bool, dimensions: int, seed: int
) -> None:
    algorithm = ALGORITHMS[name]
    stack = random_stack(name, dimensions, seed)
    parameters = parameters_of(name, compatible=compatible)
    together = algorithm.measure(stack, parameters)
    for row in range(len(stack)):
        alone = algorithm.measure(stack.row(row), parameters)
        assert alone.insufficient.get(0) == together.insufficient.get(row)
        if row in together.insufficient:
            continue
        assert 0 <= alone.qtresult[0] <= 1
        for part in ("qtresult", "measured", "entries", "content", "severity", "p_value"):
            one, all_of_them = getattr(alone, part), getattr(together, part)
            assert (one is None) == (all_of_them is None)
            if one is not None:
                np.testing.assert_allclose(one[0], all_of_them[row], rtol=1e-9, atol=1e-12)


def test_all_of_cmssws_tests_are_there() -> None:
    assert set(TESTS) <= set(ALGORITHMS)
    assert len(TESTS) == 14
    for name in TESTS:
        fields = ALGORITHMS[name].parameters.__struct_fields__
        assert "cmssw_compatible" in fields
