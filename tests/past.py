"""Stacks with LSs before them, for tests of trends and rates."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from dqmstream.quality.stack import PastStack, Stack
from tests.stacks import counts_stack, profile_stack


def after(stacks: Sequence[Stack], numbers: Sequence[int] | None = None) -> Stack:
    """The last of the stacks, with the others as the LSs before it."""
    numbers = range(1, len(stacks) + 1) if numbers is None else numbers
    *before, own = stacks
    past = tuple(
        PastStack(lumisection=number, stack=stack)
        for number, stack in zip(numbers, before, strict=False)
    )
    return replace(own, past=past, lumisection=numbers[-1])


def rates(counts: ArrayLike, numbers: Sequence[int] | None = None) -> Stack:
    """counts[n, m] entries of n elements in m LSs, the last one judged."""
    columns = np.asarray(counts).T
    return after([counts_stack(column[:, None]) for column in columns], numbers)


def values(numbers: np.ndarray, lumisections: Sequence[int] | None = None) -> Stack:
    """numbers[n, m, k]: k entries in one bin of n profiles in each of m LSs."""
    each = [profile_stack(numbers[:, at, None, :]) for at in range(numbers.shape[1])]
    return after(each, lumisections)
