"""Conditions that come before anything else of their run."""

import msgspec

from dqmstream.messages.operations import Conditions
from services.gateway.early import EarlyConditions
from services.gateway.live import LiveView


def conditions(run: int, lumisection: int, pileup: float | None = None) -> Conditions:
    return Conditions(run=run, lumisection=lumisection, pileup=pileup)


def test_the_newest_of_each_lumisection_are_held_until_they_are_taken() -> None:
    early = EarlyConditions()
    for row in (conditions(1, 1), conditions(2, 1), conditions(1, 1, 40.0)):
        early.add(row)
    assert len(early) == 2
    assert list(early.take(1)) == [conditions(1, 1, 40.0)]
    assert (list(early.take(1)), len(early)) == ([], 1)


def test_beyond_the_bound_the_run_heard_of_first_goes() -> None:
    early = EarlyConditions(most=3)
    for run in (5, 4, 6):
        early.add(conditions(run, 1))
        early.add(conditions(run, 2))
    assert [len(list(early.take(run))) for run in (5, 4, 6)] == [0, 0, 2]
    assert len(early) == 0


def test_conditions_of_hundreds_of_runs_push_no_run_out_of_memory(view, detector, feed) -> None:
    """And a run that begins later has what was told of it before."""
    feed(view, detector.fill(1, 50))
    feed(view, [conditions(run, 1) for run in range(1000, 1779)])
    feed(view, [msgspec.structs.replace(detector.conditions(1), pileup=7.0)])
    assert list(view.runs) == [detector.run]
    assert view.runs[detector.run].conditions[1].pileup == 7.0
    assert not view.rejected


def test_a_run_that_begins_has_what_was_told_of_it_before(detector, feed) -> None:
    view = LiveView()
    feed(view, [detector.conditions(1)])
    assert not view.runs
    feed(view, detector.announce())
    feed(view, detector.fill(1, 50))
    assert view.runs[detector.run].conditions[1] == detector.conditions(1)
