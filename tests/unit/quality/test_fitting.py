"""Learning the weights of CombinedDistance."""

import numpy as np
import pytest
from scipy.special import expit

from dqmstream.quality.algorithms.combined import TAILS, score_of, share_beyond
from dqmstream.quality.fitting import _counted, _logistic, fit_combined


def lumisections(runs: int = 60, of_each: int = 20, seed: int = 1):
    """Distances of which one tells bad LSs, one nothing, and one is smaller for them."""
    random = np.random.default_rng(seed)
    run = np.repeat(np.arange(runs), of_each)
    bad = run % 6 == 0
    values = {
        "nearest": random.normal(3 + 2.0 * bad, 0.7),
        "amount": random.normal(0, 1, len(run)),
        "chi2": random.normal(-1.0 * bad, 1),
    }
    return values, bad, run


def test_what_adds_nothing_or_would_make_bad_ones_better_is_no_part() -> None:
    found = fit_combined(*lumisections())
    assert set(found.parts) <= {"nearest", "amount"}
    assert found.parts["nearest"].weight > 0.5
    assert "amount" not in found.parts or found.parts["amount"].weight < 0.1
    assert found.parts["nearest"].centre == pytest.approx(3, abs=0.1)
    assert found.parts["nearest"].spread == pytest.approx(0.7, abs=0.05)


def test_shares_of_good_ones_are_those_stated_also_in_runs_not_seen() -> None:
    found = fit_combined(*lumisections(runs=300))
    values, bad, _ = lumisections(runs=300, seed=2)
    share = share_beyond(score_of(values, found), found.usual)
    for level in (0.1, 0.01):
        assert (share[~bad] < level).mean() == pytest.approx(level, rel=0.3)
    assert (share[bad] < 0.01).mean() > 0.5


def test_weights_are_where_the_loss_is_least() -> None:
    """Its slope is 0 for weights above 0, and points below 0 for the others."""
    values, bad, run = lumisections(seed=3)
    units = np.stack(list(values.values()), axis=1)
    counts = _counted(bad, run)
    weights = _logistic(units, bad, counts)

    def slope(offset: float) -> np.ndarray:
        apart = counts * (expit(offset + units @ weights) - bad)
        return np.array([apart.sum(), *(units.T @ apart + 10 * weights)])

    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle)[0] > 0 else (middle, high)
    steepest = slope(low)[1:]
    assert weights[2] == 0
    assert steepest[2] > 0
    assert steepest[weights > 0] == pytest.approx(0, abs=1e-3)


def test_both_kinds_count_the_same_and_long_runs_less_than_their_lumisections() -> None:
    bad = np.array([True] * 4 + [False] * 5)
    run = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2])
    counts = _counted(bad, run)
    assert counts[bad].sum() == pytest.approx(100)
    assert counts[~bad].sum() == pytest.approx(100)
    assert counts[4] / counts[5] == pytest.approx(2)


def test_the_order_of_lumisections_does_not_matter() -> None:
    values, bad, run = lumisections()
    order = np.random.default_rng(9).permutation(len(run))
    other = fit_combined({name: one[order] for name, one in values.items()}, bad[order], run[order])
    one = fit_combined(values, bad, run)
    assert other.usual == pytest.approx(one.usual, rel=1e-3)
    assert len(one.usual) == len(TAILS)


def test_too_little_to_learn_from_is_refused() -> None:
    values, bad, run = lumisections()
    with pytest.raises(ValueError, match="0 bad LSs, and good ones in 60 runs"):
        fit_combined(values, np.zeros_like(bad), run)
    with pytest.raises(ValueError, match="good ones in 1 runs"):
        fit_combined(values, bad, np.zeros_like(run))
    with pytest.raises(ValueError, match="none of the distances chi2"):
        fit_combined({"chi2": values["chi2"]}, bad, run)
