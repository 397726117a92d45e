"""Schedules that random ones seldom are: what went wrong in them once."""

from typing import Final

from dqmstream.fold.testing.plan import FAULTS, Plan

__all__ = ["AGAIN_OPEN", "FORGOTTEN_APART", "FORGOTTEN_ELSEWHERE"]

FORGOTTEN_ELSEWHERE: Final = Plan(
    seed=152,
    partitions=3,
    max_open=2,
    ended_runs=1,
    runs=2,
    lumisections=1,
    rereadable=0,
    live=1,
    events=1,
    chunk=1,
    faults=frozenset({"hostile", "absentee"}),
)
"""A chunk opens LSs of a run on one partition that the others have forgotten."""

FORGOTTEN_APART: Final = Plan(
    seed=1,
    partitions=2,
    max_open=2,
    ended_runs=1,
    runs=2,
    lumisections=1,
    rereadable=1,
    live=1,
    events=1,
    chunk=1,
    faults=frozenset({"broken_bodies", "hostile"}),
)
"""Each of two partitions has forgotten another run."""

AGAIN_OPEN: Final = Plan(
    seed=3588095133,
    partitions=1,
    max_open=2,
    ended_runs=1,
    runs=1,
    lumisections=4,
    rereadable=1,
    live=2,
    events=8,
    chunk=3,
    faults=frozenset(FAULTS)
    - {"deadly", "drops", "expires", "lost_run_end", "refills", "source_crashes"}
    - {"timeouts", "zombies"},
)
"""LS 4 closes before LS 3, which is analysed already when both are read again."""
