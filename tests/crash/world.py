"""What all schedules play with: two workspaces, their quality tests, and the sources of a run."""

from pathlib import Path
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, regular, scalar
from dqmstream.booking_set import BookingSet
from dqmstream.fold.state import FoldSettings
from dqmstream.quality.declaration import QualityTest, read_tests
from tests.crash.schedule import Schedule, SourcePlan
from tests.random_run import BOOKING, RandomRun

__all__ = [
    "BOOKINGS",
    "COARSE",
    "QUALITY_TESTS",
    "WORKSPACES",
    "booking_set",
    "quality_tests",
    "random_run",
]

COARSE: Final = Workspace(
    "coarse",
    "A second workspace: the closing sets of both must be out before a checkpoint passes an LS.",
    [
        histogram("Coarse/layer", integer(0, 5), fill="hit.layer"),
        histogram("Coarse/x", regular(4, -2, 2), fill="x"),
        scalar("Coarse/hits", "count(hit)", combine="max"),
    ],
)
BOOKINGS: Final = (BOOKING, COARSE)
WORKSPACES: Final = ("tests.random_run:BOOKING", "tests.crash.world:COARSE")
"""The same as the command line takes them."""
QUALITY_TESTS: Final = Path(__file__).parent / "quality.toml"


def booking_set(schedule: Schedule) -> BookingSet:
    """The set that the fillers of a schedule fill."""
    fold = FoldSettings(partitions=schedule.partitions, max_open=schedule.max_open)
    return BookingSet(BOOKINGS, fold)


def quality_tests() -> tuple[QualityTest, ...]:
    """Tests of both workspaces."""
    return read_tests(QUALITY_TESTS.read_text(), file=str(QUALITY_TESTS))


def random_run(
    schedule: Schedule, plan: SourcePlan, *, life: int = 0, first_lumisection: int = 1
) -> RandomRun:
    """A source as it starts: a live one is another incarnation in each life."""
    return RandomRun(
        name=plan.name,
        seed=schedule.seed,
        length=schedule.lumisections,
        incarnation="file" if plan.rereadable else f"life {life}",
        rereadable=plan.rereadable,
        first_lumisection=1 if plan.rereadable else first_lumisection,
        chunks=(4, 14),
        seconds=plan.seconds,
    )
