"""Numbers of trends, against numpy on what was filled."""

import msgspec
import numpy as np
import pytest

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.testing import fill
from services.gateway.quantities import live_seconds, quantity_of

VALUES = np.random.default_rng(3).normal(3.0, 0.5, 200)
WEIGHTS = np.random.default_rng(4).uniform(0.5, 2.0, 200)
WORKSPACE = Workspace(
    "trends",
    "Numbers of one LS.",
    [
        profile(
            "A/profile", integer(0, 1, label="all"), fill="0 * x", value="x", value_range=(-10, 10)
        ),
        histogram("A/counts", regular(100, 0, 10, label="x"), fill="x"),
        histogram(
            "A/weighted", regular(100, 0, 10, label="x"), fill="x", weight="w", weight_range=(0, 4)
        ),
    ],
)


@pytest.fixture(scope="module")
def filled() -> dict[str, tuple[ElementLayout, np.ndarray]]:
    """Of each element two LSs: one with all values, and one with none."""
    elements = fill(WORKSPACE, {"x": VALUES, "w": WEIGHTS})
    found = {}
    for path, element in elements.items():
        at = element.place
        cells = element.contents.cells[at.offset : at.offset + at.size]
        found[path] = (at, np.stack([cells, np.zeros_like(cells)]))
    return found


@pytest.mark.parametrize("path", ["A/profile", "A/counts", "A/weighted"])
def test_the_error_of_a_mean_is_that_of_its_entries(filled, path) -> None:
    """Of weighted entries as many count as would have the same error with equal weights."""
    centres = VALUES if path == "A/profile" else np.floor(VALUES * 10) / 10 + 0.05
    weights = WEIGHTS if path == "A/weighted" else np.ones_like(VALUES)
    mean = np.average(centres, weights=weights)
    rms = np.sqrt(np.average((centres - mean) ** 2, weights=weights))
    error = rms * np.sqrt((weights**2).sum()) / weights.sum()
    element, cells = filled[path]
    for quantity, expected in (("mean", mean), ("rms", rms), ("error", error)):
        first, empty = quantity_of(element, cells, quantity)
        assert first == pytest.approx(expected, rel=1e-4), quantity
        assert np.isnan(empty)


def test_a_median_lies_within_the_bin_of_the_entry_in_the_middle(filled) -> None:
    """Weighted entries count by their weight; a profile keeps no quantiles of its value."""
    ranked = np.argsort(VALUES)
    for path, weights in (("A/counts", np.ones_like(VALUES)), ("A/weighted", WEIGHTS)):
        element, cells = filled[path]
        up_to = np.cumsum(weights[ranked])
        for word, q in (("median", 0.5), ("quantile:0.05", 0.05), ("quantile:0.95", 0.95)):
            first, empty = quantity_of(element, cells, word)
            expected = VALUES[ranked][np.searchsorted(up_to, q * up_to[-1])]
            assert abs(first - expected) <= 0.1, (path, word)
            assert np.isnan(empty)
    assert np.isnan(quantity_of(*filled["A/profile"], "median")).all()


def test_the_live_length_of_a_lumisection_is_known_with_its_luminosity() -> None:
    told = Conditions(run=1, lumisection=1, delivered=0.4, recorded=0.3)
    assert live_seconds(told) == pytest.approx(23.31 * 0.75, rel=1e-3)
    for unknown in ({"recorded": None}, {"delivered": None}, {"recorded": 0.0}):
        assert live_seconds(msgspec.structs.replace(told, **unknown)) is None
    assert live_seconds(None) is None
