"""Whatever is in a stack, tests against references give a verdict or say why there is none."""

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.quality.algorithm import Needs
from dqmstream.quality.bands import make_band
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import BandStack, Stack
from tests.stacks import against, counts_stack, weighted_stack

ROWS = 2
COUNTS = ("LikelihoodRatio", "BetaBinomial")
LINES = ("KolmogorovSmirnov", "AndersonDarling", "Wasserstein")
EFFICIENCIES = ("EfficiencyMatchesReference",)
ANY = ("Chi2", "RobustBand", "DataEmulator")

shapes = st.sampled_from([(1,), (2,), (7,), (1, 1), (3, 4)])
scales = st.sampled_from([None, 0.0, 1e-9, 1.0, 1e9, np.nan, np.inf])


def counts(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """From none to very many, unrelated."""
    return random.choice([0, 1, 3, 50, 10**6, 10**12], size=(ROWS, *shape))


def sums(random: np.random.Generator, shape: tuple[int, ...], *, profile: bool) -> Stack:
    """Weights or values of either sign, which may cancel out, consistent with their entries."""
    entries = counts(random, shape) % 997
    mean = random.choice([-50.0, -1.0, 0.0, 1e-17, 0.3, 1.0, 50.0], size=entries.shape)
    spread = random.choice([0.0, 1e-6, 3.0])
    return weighted_stack(entries, entries * mean, entries * (mean**2 + spread**2), profile=profile)


def with_band(stack: Stack, scale: float | None, members: int) -> Stack:
    """A band of LSs like the stack's first element."""
    random = np.random.default_rng(1)
    content = np.nan_to_num(stack.content[0])
    values = content * random.uniform(0.5, 1.5, (members, *(1,) * content.ndim))
    band = make_band(values, np.ones(members), np.abs(values))
    parts = {
        name: np.broadcast_to(getattr(band, name), stack.entries.shape)
        for name in ("centre", "lower", "upper", "statistical")
    }
    factor = np.full(len(stack), 1.0 if scale is None else scale)
    whole = BandStack(**parts, scale=factor, members=np.full(len(stack), members))
    return dataclasses.replace(stack, bands=(whole,))


def check(name: str, stack: Stack) -> None:
    algorithm = ALGORITHMS[name]
    found = algorithm.measure(stack, algorithm.parameters())
    for row in range(len(stack)):
        if row not in found.insufficient and found.entries[row] > 0:
            assert 0 <= found.qtresult[row] <= 1
            assert np.isfinite(found.measured[row])
    assert found.content is not None
    assert found.severity is not None
    assert found.content.shape == found.severity.shape
    assert np.isfinite(found.severity).all()
    assert (found.severity >= 0).all()
    assert found.entries.dtype == np.int64


def judged(name: str, one: Stack, other: Stack, scale: float | None, members: int) -> None:
    if ALGORITHMS[name].needs is Needs.BAND:
        check(name, with_band(one, scale, members))
    else:
        check(name, against(one, other, scale=scale))


shapes_of_lines = st.sampled_from([(1,), (2,), (7,)])
seeds = st.integers(0, 2**32).map(np.random.default_rng)
members_of_bands = st.sampled_from([3, 20])


@given(random=seeds, line=shapes_of_lines, shape=shapes, scale=scales, members=members_of_bands)
def test_counts(random, line, shape, scale, members) -> None:
    for name in (*ANY, *COUNTS, *LINES):
        wanted = line if name in LINES else shape
        stacks = (counts_stack(counts(random, wanted)) for _ in range(2))
        judged(name, *stacks, scale, members)


@given(random=seeds, line=shapes_of_lines, shape=shapes, scale=scales, members=members_of_bands)
def test_weights(random, line, shape, scale, members) -> None:
    for name in (*ANY, *LINES):
        wanted = line if name in LINES else shape
        stacks = (sums(random, wanted, profile=False) for _ in range(2))
        judged(name, *stacks, scale, members)


@given(random=seeds, shape=shapes, members=members_of_bands)
def test_profiles(random, shape, members) -> None:
    for name in (*ANY, *EFFICIENCIES):
        stacks = (sums(random, shape, profile=True) for _ in range(2))
        judged(name, *stacks, 1.0, members)
