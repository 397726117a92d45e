"""What fillers make of the logs that an analyser reads."""

from collections.abc import Sequence
from typing import Any

from dqmstream.fold.partition import LogRecord, PartitionFold
from dqmstream.fold.sets import histogram_sets
from dqmstream.fold.testing.plan import Plan
from dqmstream.fold.testing.toy import toy_columns, toy_fillers
from dqmstream.messages.histograms import HistogramSet

__all__ = ["filled"]


def filled(
    plan: Plan, logs: Sequence[Sequence[LogRecord]], set_hash: str
) -> tuple[dict[tuple[int, int], list[HistogramSet]], set[int]]:
    """What fillers say of each LS that is closed everywhere: its pieces on time; and the runs in
    which one is not, though no partition that has not closed it has forgotten its run."""
    found: dict[tuple[int, int], list[HistogramSet]] = {}
    folds: list[PartitionFold[Any]] = []
    for partition, entries in enumerate(logs):
        fold = PartitionFold(partition, plan.settings, toy_fillers(), toy_columns)
        folds.append(fold)
        for entry in entries:
            fold.apply(entry)
        for segment in fold.closed():
            piece = histogram_sets(fold, segment, set_hash=set_hash, writer="")[0]
            if not piece.segment:
                found.setdefault((piece.run, piece.lumisection), []).append(piece)
    waiting: set[int] = set()
    for place in {place for fold in folds for place in fold.segments if not place.segment}:
        without = [f for f in folds if place not in f.segments or not f.segments[place].closed]
        if without and not any(fold.control.state.has_forgotten(place.run) for fold in without):
            waiting.add(place.run)
    whole = {key: each for key, each in found.items() if len(each) == plan.partitions}
    return whole, waiting
