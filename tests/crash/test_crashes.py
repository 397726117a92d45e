"""Whatever crashes, whenever: on real processes and a real broker, by seed.

`CRASH_SEEDS=17 pytest tests/crash/test_crashes.py` plays one seed again, `CRASH_SEEDS=100-199` a
range of them; `make soak` plays `CRASH_SOAK` seeds (300 by default).
"""

import os
from collections.abc import Callable

import pytest

from tests.crash.play import Outcome, Site, play
from tests.crash.schedule import random_schedule

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


SEEDS = _seeds(os.environ.get("CRASH_SEEDS", "1-25"))
SOAK = range(1000, 1000 + int(os.environ.get("CRASH_SOAK", "300")))


@pytest.mark.parametrize("seed", SEEDS)
async def test_closed_contents_equal_a_batch_fill_whatever_crashes(
    seed: int, site: Site, check: Callable[[Outcome], None]
) -> None:
    """Contents, accounts, reports, store and gateway, after kill -9, SIGTERM, freezes, rebalances,
    a full disk."""
    check(await play(random_schedule(seed), site))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SOAK)
async def test_soak(seed: int, site: Site, check: Callable[[Outcome], None]) -> None:
    """The same, for hours."""
    check(await play(random_schedule(seed), site))
