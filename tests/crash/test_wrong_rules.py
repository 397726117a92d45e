"""The crash tests can fail: services that obey a wrong rule are caught by the same check.

Each schedule provokes its rule; under the right rules the same schedule has no complaint.
"""

from collections.abc import Callable, Mapping

import pytest

from tests.crash.play import Outcome, Site, play
from tests.crash.schedule import Freeze, Kill, Schedule, SourcePlan, Step
from tests.crash.wrong_rules import RULES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_ALIKE = (SourcePlan(name="first", seconds=0.6), SourcePlan(name="other", seconds=0.6))
_APART = (SourcePlan(name="first", seconds=0.5), SourcePlan(name="other", seconds=1.0))

SCHEDULES: Mapping[str, Schedule] = {
    # A filler dies while an LS is open, and a checkpoint was written since it opened.
    "checkpoint too early": Schedule(
        name="a filler dies within an LS",
        seed=1,
        sources=_ALIKE,
        fillers=1,
        checkpoint_interval=0.1,
        steps=(Step(2.7, Kill("filler 0", "KILL", 0.2)),),
    ),
    # One source is behind: LSs overlap, and the oldest unacknowledged began within another.
    "no skip of segments open at the checkpoint": Schedule(
        name="a filler dies while LSs overlap",
        seed=2,
        sources=_APART,
        fillers=1,
        steps=(Step(3.6, Kill("filler 0", "KILL", 0.2)),),
    ),
    # The LSs of one partition close seconds after those of the other, and in between come old sets.
    "arrival order instead of version": Schedule(
        name="a filler is frozen while another repeats itself",
        seed=3,
        sources=_ALIKE,
        echo=0.5,
        steps=(Step(2.5, Freeze("filler 1", 1.6)),),
    ),
    # A source stands still until its LS is closed without it.
    "late data added to the closed LS": Schedule(
        name="a source is late",
        seed=4,
        sources=_ALIKE,
        lumisection_timeout=0.8,
        run_timeout=2.0,
        steps=(Step(2.5, Freeze("producer other", 2.0)),),
    ),
    # A source that starts again within an LS sends its chunks again.
    "duplicates not recognised": Schedule(
        name="a source starts again",
        seed=5,
        sources=_ALIKE,
        steps=(Step(2.7, Kill("producer other", "KILL", 0.2)),),
    ),
}


def test_each_wrong_rule_has_its_schedule() -> None:
    assert set(SCHEDULES) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
async def test_a_wrong_rule_is_caught(rule: str, site: Site) -> None:
    """The check complains of what the services made of it."""
    outcome = await play(SCHEDULES[rule], site, wrong_rule=rule, patience=8)
    assert outcome.complaints, f"nobody noticed: {rule}\n{outcome}"


@pytest.mark.parametrize("rule", RULES)
async def test_the_same_schedule_is_fine_with_the_right_rules(
    rule: str, site: Site, check: Callable[[Outcome], None]
) -> None:
    """What is caught above is the rule, not the schedule."""
    check(await play(SCHEDULES[rule], site))
