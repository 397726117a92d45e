"""Which of memory and store knows a lumisection better: one rule, for all that have both.

A gateway that joins the log in the middle of a run hears of some LSs only in part: late segments
of LSs that closed before it joined, or the closing sets of some partitions. What is stored of them
as closed is all of it, and goes first.
"""

from collections.abc import Iterable, Mapping

from dqmstream.messages.quality import QualityReports
from services.gateway.records import LumisectionRecord
from services.gateway.windows import Window

__all__ = ["better", "known", "newest_reports", "serves", "suffices"]


def better(memory: LumisectionRecord, stored: LumisectionRecord) -> LumisectionRecord:
    """Of two records of one LS the one to show.

    Memory is ahead of the store as long as an LS is open, and equal to it once it is closed; but
    not where it lacks pieces, or has its record from the store itself.
    """
    if stored.closed and not (memory.closed and memory.rooted and not memory.adopted):
        return stored
    return memory


def known(
    memory: Mapping[int, LumisectionRecord], stored: Mapping[int, LumisectionRecord]
) -> dict[int, LumisectionRecord]:
    """The better record of every LS that memory or store has."""
    return {
        **stored,
        **{n: better(one, stored[n]) if n in stored else one for n, one in memory.items()},
    }


def serves(memory: LumisectionRecord | None, shown: LumisectionRecord) -> bool:
    """Whether the contents in memory are those of the record that is shown of an LS.

    Contents of a closed LS are the same everywhere; those of an open one are not what a closed
    record stands for.
    """
    return memory is not None and (memory.closed or not shown.closed)


def suffices(memory: Mapping[int, LumisectionRecord], window: Window) -> bool:
    """Whether no LS of the window can be stored that memory lacks, or knows only in part."""
    if not memory:
        return False
    newest = max(memory)
    to_the_end = True
    match window.kind:
        case "lumisection":
            first = newest
        case "last":
            first = max(1, newest - window.count + 1)
        case "run":
            first = 1
        case "range":
            first = window.first
            to_the_end = window.last >= newest
    last = newest if to_the_end else window.last
    if not _gapless(memory, min(first, last), max(last, 1)):
        return False
    # An LS that is filled just now is the newest. Without one, the newest in memory may be an old
    # one that was published again, unless memory has heard the run from its start.
    return not to_the_end or not memory[newest].closed or _gapless(memory, 1, newest)


def newest_reports(
    stored: Iterable[QualityReports], live: Iterable[QualityReports]
) -> list[QualityReports]:
    """Of each workspace and scope the reports that were made from more of the log."""
    found: dict[tuple[str, str], QualityReports] = {}
    for one in (*stored, *live):
        held = found.get((one.workspace, one.scope))
        if held is None or _reach(one) >= _reach(held):
            found[one.workspace, one.scope] = one
    return list(found.values())


def _gapless(memory: Mapping[int, LumisectionRecord], first: int, last: int) -> bool:
    return all(n in memory and memory[n].rooted for n in range(first, last + 1))


def _reach(reports: QualityReports) -> tuple[bool, int]:
    return (reports.complete, sum(reports.versions))
