"""The crash tests can fail: services that obey a wrong rule are caught by the same check.

Each schedule provokes its rule; under the right rules the same schedule has no complaint.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from tests.crash.play import Site, play
from tests.crash.schedule import Freeze, Kill, Schedule, SourcePlan, Step
from tests.crash.wrong_rules import RULES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_ALIKE = (SourcePlan(name="first", seconds=0.6), SourcePlan(name="other", seconds=0.6))
_SLOW = (SourcePlan(name="first", seconds=1.2), SourcePlan(name="other", seconds=1.2))
_APART = (SourcePlan(name="first", seconds=0.5), SourcePlan(name="other", seconds=1.0))


class Provoked(NamedTuple):
    """What provokes a wrong rule, and what the check says of it, among other things."""

    schedule: Schedule
    complaint: str


PROVOKED: Mapping[str, Provoked] = {
    # A filler dies while an LS is open, and a checkpoint was written since it opened.
    "checkpoint too early": Provoked(
        Schedule(
            name="a filler dies within LSs",
            seed=1,
            begun=True,
            sources=_SLOW,
            lumisections=3,
            fillers=1,
            checkpoint_interval=0.1,
            steps=tuple(Step(at, Kill("filler 0", "KILL", 0.1)) for at in (1.5, 2.5)),
        ),
        "closes_everywhere",
    ),
    # One source is behind: LSs overlap, and the oldest unacknowledged began within another. The
    # first comes to LS 5 when the other has LS 1 behind it, however late that one began.
    "no skip of segments open at the checkpoint": Provoked(
        Schedule(
            name="a filler dies while LSs overlap",
            seed=2,
            begun=True,
            sources=_APART,
            fillers=1,
            steps=(Step(4.6, Kill("filler 0", "KILL", 0.2)),),
        ),
        "closed_once",
    ),
    # The LSs of one partition close seconds after those of the other, and in between come old sets.
    "arrival order instead of version": Provoked(
        Schedule(
            name="a filler is frozen while another repeats itself",
            seed=3,
            begun=True,
            sources=_ALIKE,
            echo=0.5,
            steps=(Step(2.5, Freeze("filler 1", 1.6)),),
        ),
        "no reports of",
    ),
    # A source stands still until its LS is closed without it, and longer on a slow machine.
    "late data added to the closed LS": Provoked(
        Schedule(
            name="a source is late",
            seed=4,
            begun=True,
            sources=_SLOW,
            lumisection_timeout=0.8,
            run_timeout=2.0,
            steps=(Step(2.5, Freeze("producer other", 3.5)),),
        ),
        "closed_once",
    ),
    # A source that starts again within an LS sends its chunks again.
    "duplicates not recognised": Provoked(
        Schedule(
            name="a source starts again",
            seed=5,
            begun=True,
            sources=_SLOW,
            lumisections=3,
            steps=tuple(Step(at, Kill("producer first", "KILL", 0.1)) for at in (0.5, 1.5, 2.5)),
        ),
        "set_is_batch_fill",
    ),
}


def test_each_wrong_rule_is_provoked() -> None:
    assert set(PROVOKED) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
async def test_a_wrong_rule_is_caught(rule: str, site: Site) -> None:
    """The check complains of what the services made of it."""
    provoked = PROVOKED[rule]
    outcome = await play(provoked.schedule, site, wrong_rule=rule, patience=30)
    caught = any(provoked.complaint in complaint for complaint in outcome.complaints)
    assert caught, f"nobody noticed: {rule}\n{outcome}"


@pytest.mark.parametrize("rule", RULES)
async def test_the_same_schedule_is_fine_with_the_right_rules(
    rule: str, site: Site, check: Callable[..., None]
) -> None:
    """What is caught above is the rule, not the schedule."""
    check(await play(PROVOKED[rule].schedule, site))
