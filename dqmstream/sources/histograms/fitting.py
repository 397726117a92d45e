"""From histograms as files have them to a booking and contents for each run. Pure.

Each run gets the booking that its own histograms need, so a binning may change between runs but
not within one. A path is booked as

- a histogram of counts, if all its contents in the run are whole numbers;
- a weighted histogram, if some are not: each bin goes in as one entry of that weight, for files do
  not say how many entries there were. Its declared range is the next power of two above what came;
- a profile, with the sums of the file; of one of which only the means are known each bin that is
  not 0 goes in as one entry, so that a sum over LSs is the mean of the means (`booked`).

What does not fit is rejected by name and counted: not finite, negative counts, too large for fixed
point, another binning or kind than the first one of the run, an LS twice with different contents
(then neither is taken), a whole run beside LSs of the same path (their sum would count it twice).
Where something was rejected the element is invalid in that LS; not so for the whole run that was
left out, as the LSs have all of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dqmstream.booking.check import check
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout, axis_extent
from dqmstream.identity import normal_path
from dqmstream.messages.booking import Booking, Histogram, Profile
from dqmstream.sources.histograms.booked import booked_as, counts_of, is_whole
from dqmstream.sources.histograms.filling import FittedLumisection, lumisections, too_large
from dqmstream.sources.histograms.histogram import (
    WHOLE_RUN,
    WHOLE_RUN_BESIDE,
    Bins,
    Found,
    ImportedHistogram,
    Rejected,
    aligned,
)

__all__ = ["FittedRun", "fit"]

_LARGEST: Final = 1 << 24
"""LSs from here on are no numbers of a detector."""
_MOST_COUNTS: Final = 2.0**53
"""Above it a floating-point count has lost its units."""
_MOST_SQUARES: Final = 2.0**138
"""Squares of the largest values, of as many entries as one cell may have (2**32)."""


@dataclass(frozen=True, slots=True)
class FittedRun:
    """All of one run: one booking, and contents by LS, rising."""

    run: int
    layout: Layout
    lumisections: Mapping[int, FittedLumisection]


@dataclass(slots=True)
class _Run:
    """Histograms by path and LS, and what was rejected of them."""

    taken: dict[str, dict[int, ImportedHistogram]] = field(default_factory=dict)
    repeated: Counter[tuple[int, str]] = field(default_factory=Counter)
    contradicting: set[tuple[str, int]] = field(default_factory=set)
    rejected: list[Rejected] = field(default_factory=list)


def fit(
    found: Iterable[Found], *, workspace: str, description: str = ""
) -> tuple[list[FittedRun], list[Rejected]]:
    """Runs, rising, and all that was rejected.

    Raises
    ------
    BookingError
        If no booking can be made, whatever the histograms: the name of the workspace is wrong, or
        they are too many.
    """
    runs: dict[int, _Run] = {}
    rejected: list[Rejected] = []
    for one in found:
        if isinstance(one, Rejected):
            rejected.append(one)
            if one.path and _can_be(one):
                runs.setdefault(one.run, _Run()).rejected.append(one)
            continue
        problem = _problem(one)
        if problem is not None:
            rejected.append(problem)
            if problem.reason != "out_of_range":
                runs.setdefault(one.run, _Run()).rejected.append(problem)
            continue
        _take(runs.setdefault(one.run, _Run()), one)
    fitted = []
    for number, run in sorted(runs.items()):
        before = len(run.rejected)
        made = _fit_run(number, run, workspace, description)
        rejected += run.rejected[before:]
        if made is not None:
            fitted.append(made)
    return fitted, _once(rejected, runs.values())


def _once(rejected: Sequence[Rejected], runs: Iterable[_Run]) -> list[Rejected]:
    """All rejections, each once: those of runs were noted as they came, or are known since."""
    known = {id(one): one for one in rejected}
    known |= {id(one): one for run in runs for one in run.rejected}
    return list(known.values())


def _reject(one: ImportedHistogram, reason: str, detail: str) -> Rejected:
    return Rejected(
        reason=reason,
        detail=f"{one}: {detail}",
        source=one.source,
        run=one.run,
        lumisection=one.lumisection,
        path=one.path,
    )


def _can_be(one: Found) -> bool:
    """Whether there may be such a run and LS."""
    return 1 <= one.run < 1 << 31 and 0 <= one.lumisection < _LARGEST


def _problem(one: ImportedHistogram) -> Rejected | None:
    """What is wrong with a histogram, whatever the others are."""
    if not _can_be(one):
        return _reject(one, "out_of_range", "no such run or lumisection")
    try:
        extents = tuple(axis_extent(axis) for axis in one.axes)
        check(_booking("check", "", [counts_of(one, normal_path(one.path))]), imported=True)
    except BookingError as error:
        return _reject(one, "bad_axes", str(error))
    for cells in (one.values, one.counts, one.squares):
        if cells is None:
            continue
        if cells.shape != extents:
            detail = f"{list(cells.shape)} cells, its axes have {list(extents)} with flow"
            return _reject(one, "bad_axes", detail)
        if not np.isfinite(cells).all():
            detail = f"{int((~np.isfinite(cells)).sum())} bins are not finite numbers"
            return _reject(one, "not_finite", detail)
        most = _MOST_SQUARES if cells is one.squares else _MOST_COUNTS
        if np.abs(cells).max(initial=0) >= most:
            return _reject(one, "too_large", f"a bin holds {np.abs(cells).max():g}")
        if cells is not one.values and cells.min(initial=0) < 0:
            what = "entries" if cells is one.counts else "sums of squares"
            return _reject(one, "negative_count", f"{int((cells < 0).sum())} bins have {what} < 0")
    if one.kind == "profile" and (one.counts is None or not is_whole(one.counts)):
        detail = "its bins hold sums of weights where a profile here has numbers of entries"
        return _reject(one, "weighted_profile", detail)
    return None


def _take(run: _Run, one: ImportedHistogram) -> None:
    """Keep a histogram, if it agrees with those of its path before it."""
    path = normal_path(one.path)
    known = run.taken.setdefault(path, {})
    first = next(iter(known.values()), None)
    if first is not None:
        fitting = aligned(one, first.axes)
        if fitting is None:
            detail = f"another binning, or other names of bins, than {first}"
            run.rejected.append(_reject(one, "other_binning", detail))
            return
        one = fitting
    if first is not None and (first.kind == "values") != (one.kind == "values"):
        run.rejected.append(_reject(one, "other_kind", f"{one.kind}, but {first.kind} in {first}"))
        return
    other = known.get(one.lumisection)
    if other is None:
        known[one.lumisection] = one
    elif _equal(other, one):
        run.repeated[one.lumisection, one.source] += 1
    else:
        # The first stays, as what a third one must equal too; `_fit_run` leaves it out.
        if (path, one.lumisection) not in run.contradicting:
            run.contradicting.add((path, one.lumisection))
            run.rejected.append(_reject(other, "contradicting", f"another content than {one}"))
        run.rejected.append(_reject(one, "contradicting", f"another content than {other}"))


def _equal(first: ImportedHistogram, second: ImportedHistogram) -> bool:
    return (
        first.kind == second.kind
        and bool(np.array_equal(first.values, second.values))
        and _same(first.counts, second.counts)
        and _same(first.squares, second.squares)
    )


def _same(first: Bins | None, second: Bins | None) -> bool:
    # What one file does not know is no contradiction to what another one says.
    return first is None or second is None or bool(np.array_equal(first, second))


def _fit_run(number: int, run: _Run, workspace: str, description: str) -> FittedRun | None:
    taken: dict[str, dict[int, ImportedHistogram]] = {}
    for path, by_lumisection in run.taken.items():
        kept = {
            lumisection: one
            for lumisection, one in by_lumisection.items()
            if (path, lumisection) not in run.contradicting
        }
        if len(kept) > 1 and WHOLE_RUN in kept:
            detail = "single lumisections have it too, and their sum would count it twice"
            run.rejected.append(_reject(kept.pop(WHOLE_RUN), WHOLE_RUN_BESIDE, detail))
        kept = _without_too_large(path, kept, run)
        kept = _without_negative(kept, run)
        if kept:
            taken[path] = kept
    if not taken:
        return None
    elements = [booked_as(path, list(one.values())) for path, one in sorted(taken.items())]
    layout = Layout(check(_booking(workspace, description, elements), imported=True))
    return FittedRun(number, layout, lumisections(taken, run.rejected, run.repeated, layout))


def _without_negative(
    kept: Mapping[int, ImportedHistogram], run: _Run
) -> dict[int, ImportedHistogram]:
    """Counts cannot be negative. Weights can: then others of the path are no whole numbers."""
    of_counts = all(one.kind == "values" and is_whole(one.values) for one in kept.values())
    negative = {n for n, one in kept.items() if of_counts and one.values.min(initial=0) < 0}
    for lumisection in negative:
        one = kept[lumisection]
        detail = f"{int((one.values < 0).sum())} bins have counts below 0"
        run.rejected.append(_reject(one, "negative_count", detail))
    return {n: one for n, one in kept.items() if n not in negative}


def _without_too_large(
    path: str, kept: Mapping[int, ImportedHistogram], run: _Run
) -> dict[int, ImportedHistogram]:
    """Sums in fixed point have an end. A range that its file declares may not hold what came."""
    fitting = dict(kept)
    while fitting:
        element = booked_as(path, list(fitting.values()))
        place = Layout(_booking("check", "", [element]))[path]
        problems = {n: why for n, one in fitting.items() if (why := too_large(place, one))}
        if not problems:
            break
        # Without them the range may be another one, for which the others are to be looked at.
        for lumisection, why in problems.items():
            run.rejected.append(_reject(fitting.pop(lumisection), "too_large", why))
    return fitting


def _booking(workspace: str, description: str, elements: Sequence[Histogram | Profile]) -> Booking:
    return Booking(workspace=workspace, description=description, elements=tuple(elements))
