"""CMSSW's tests of bins beside others, against loops over the bins as CMSSW has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.quality.algorithms.channels import NoisyChannel, noisy_channel
from dqmstream.quality.algorithms.expected import ContentsWithinExpected, contents_within_expected
from dqmstream.quality.algorithms.median import CompareToMedian, compare_to_median
from tests.cmssw_stacks import means_stack
from tests.stacks import counts_stack

EXTENTS = st.one_of(st.tuples(st.integers(2, 9)), st.tuples(st.integers(2, 6), st.integers(2, 6)))


@given(
    extents=EXTENTS,
    neighbours=st.integers(1, 5),
    tolerance=st.sampled_from([0.2, 1.0, 2.5]),
    seed=st.integers(0, 1000),
)
def test_noise(extents: tuple[int, ...], neighbours: int, tolerance: float, seed: int) -> None:
    counts = np.random.default_rng(seed).negative_binomial(1, 0.2, extents)
    failed = 0
    for index in np.ndindex(*extents):
        window, number = [], 1
        for place, bins in zip(index, extents, strict=True):
            first, last = place - neighbours, place + neighbours
            if first < 0:
                last, first = min(last - first, bins - 1), 0
            if last >= bins:
                first, last = max(first - (last - bins + 1), 0), bins - 1
            window.append(slice(first, last + 1))
            number *= min(2 * neighbours + 1, bins)
        average = (counts[tuple(window)].sum() - counts[index]) / (number - 1)
        failed += average != 0 and (counts[index] - average) / abs(average) > tolerance
    parameters = NoisyChannel(tolerance=tolerance, neighbours=neighbours, cmssw_compatible=True)
    found = noisy_channel(counts_stack(counts[None]), parameters)
    assert found.qtresult[0] == pytest.approx(1 - failed / counts.size)


def profile(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries, means and spreads; some bins empty, some means 0, some negative."""
    random = np.random.default_rng(seed)
    entries = random.integers(0, 5, shape)
    means = random.integers(-1, 8, shape) * (entries > 0)
    return entries, means, random.integers(0, 3, shape) * (entries > 0)


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 7)),
    use_empty=st.booleans(),
    stat_cut=st.sampled_from([0.0, 3.0, 9.0]),
    seed=st.integers(0, 1000),
)
def test_medians(shape: tuple[int, int], use_empty: bool, stat_cut: float, seed: int) -> None:
    entries, means, _ = profile(seed, shape)
    limits = {"min_rel": 0.5, "max_rel": 1.5, "min_abs": 1.0, "max_abs": 5.0}
    number = failed = 0
    for x in range(shape[0]):
        used = [y for y in range(shape[1]) if use_empty or means[x, y] != 0]
        number += len(used)
        if not used:
            continue
        median = sorted(means[x, used])[len(used) // 2]
        filled = [y for y in range(shape[1]) if entries[x, y] > 0]
        if median == 0:
            failed += sum(not 1 <= means[x, y] <= 5 for y in filled)
        elif median * entries[x, used[-1]] < stat_cut:
            continue
        elif not 1 <= median <= 5:
            failed += len(filled)
        else:
            failed += sum(not 0.5 * median <= means[x, y] <= 1.5 * median for y in filled)
    found = compare_to_median(
        means_stack(entries, means),
        CompareToMedian(
            use_empty_bins=use_empty, stat_cut=stat_cut, cmssw_compatible=True, **limits
        ),
    )
    if number == 0:
        assert found.insufficient
    else:
        assert found.qtresult[0] == pytest.approx(max(1 - failed / number, 0))


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    least=st.integers(0, 60),
    tolerance=st.sampled_from([None, 0.0, 0.7]),
    as_profile=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_limits(
    shape: tuple[int, int], least: int, tolerance: float | None, as_profile: bool, seed: int
) -> None:
    entries, means, spreads = profile(seed, shape)
    contents = means if as_profile else entries
    errors = spreads if as_profile else np.sqrt(entries)
    judged = [
        index
        for index in np.ndindex(*shape)
        if not as_profile or entries[index] >= least // entries.size
    ]
    average = np.mean([contents[index] for index in judged]) if judged else 0.0
    failed = 0
    for index in judged:
        content = contents[index]
        away = tolerance is not None and abs(content - average) > tolerance * abs(average)
        failed += not 1 <= content <= 5 or errors[index] > 1.5 or away
    found = contents_within_expected(
        means_stack(entries, means, spreads) if as_profile else counts_stack(entries[None]),
        ContentsWithinExpected(
            min_mean=1,
            max_mean=5,
            max_rms=1.5,
            tolerance_mean=tolerance,
            min_entries=least,
            cmssw_compatible=True,
        ),
    )
    assert found.qtresult[0] == pytest.approx(1 - failed / entries.size)
