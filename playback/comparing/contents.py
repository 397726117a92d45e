"""How contents differ, element by element, LS by LS and over the run. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Category, Histogram
from dqmstream.messages.histograms import ScalarValue
from dqmstream.quality.false_discovery import benjamini_hochberg
from playback.comparing.bookings import Pair
from playback.comparing.finding import Finding, Kind, lumisections_text
from playback.comparing.policy import Policy
from playback.comparing.statistics import Agreement, agreement

__all__ = ["ContentsComparison"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_SHORT: Final = 80
_ROUNDED: Final = 4.0
"""Steps of fixed point by which an entry's square may be off, made of mean and error again: its own
rounding, and twice the mean times that of the value."""
_EQUAL: Final = Agreement(1.0, "equal")


@dataclass(slots=True)
class _Tally:
    """What was found of one element."""

    lumisections: list[int] = field(default_factory=list)
    bins: int = 0
    first: str = ""
    agreements: list[tuple[int, Agreement]] = field(default_factory=list)


class ContentsComparison:
    """Compares the same LS of both sides, one after another.

    Parameters
    ----------
    production, candidate
        Layouts by workspace.
    pairs
        Elements that both have.
    by_path
        One side does not know what was in no bin (NaN, out of range).
    rounded
        Sums of one side were made of values and errors again.
    """

    def __init__(
        self,
        production: Mapping[str, Layout],
        candidate: Mapping[str, Layout],
        pairs: tuple[Pair, ...],
        policy: Policy,
        *,
        by_path: bool,
        rounded: bool = False,
    ) -> None:
        self._layouts = production, candidate
        self._rounded = rounded
        self._pairs = tuple(one for one in pairs if one.comparable)
        self._policy, self._by_path = policy, by_path
        self._tallies: dict[str, dict[str, _Tally]] = {}
        self._statistical = frozenset(p.path for p in self._pairs if policy.is_statistical(p.path))
        self.totals: tuple[dict[str, Contents], dict[str, Contents]] = ({}, {})
        self.lumisections: list[int] = []
        self.compared = 0

    def add_totals(self, side: int, contents: Mapping[str, Contents]) -> None:
        """Sum an LS of a side that the other side does not have."""
        for workspace, one in contents.items():
            if workspace in self.totals[side]:
                self.totals[side][workspace].add(one)
            else:
                self.totals[side][workspace] = one.copy()

    def compare(
        self, number: int, production: Mapping[str, Contents], candidate: Mapping[str, Contents]
    ) -> None:
        """One LS of both sides."""
        self.lumisections.append(number)
        self.add_totals(0, production)
        self.add_totals(1, candidate)
        self._compare(number, production, candidate)

    def compare_totals(self) -> None:
        """The whole run alone: one side knows no LSs."""
        self.lumisections.append(0)
        self._compare(0, *self.totals)

    def _compare(
        self, number: int, production: Mapping[str, Contents], candidate: Mapping[str, Contents]
    ) -> None:
        same = {
            workspace
            for workspace, one in production.items()
            if workspace in candidate and one.equals(candidate[workspace])
        }
        for pair in self._pairs:
            self.compared += 1
            unchanged = pair.production_workspace in same and not self._by_path
            if unchanged:
                self._note_agreement(pair, number, _EQUAL)
                continue
            old = production.get(pair.production_workspace)
            new = candidate.get(pair.candidate_workspace)
            if old is None or new is None:
                missing = "candidate" if new is None else "production"
                if old is not new:
                    self._note(pair, number, 0, f"no contents in the {missing}")
                continue
            self._one(pair, number, old, new)

    def _one(self, pair: Pair, number: int, old: Contents, new: Contents) -> None:
        bins, what = _difference(
            pair, old, new, self._policy.tolerance, by_path=self._by_path, rounded=self._rounded
        )
        if not what:
            self._note_agreement(pair, number, _EQUAL)
        elif pair.path in self._statistical and pair.production.planes and bins:
            self._note_agreement(pair, number, _agreement(pair, old, new))
        else:
            self._note(pair, number, bins, what)

    def _tally(self, pair: Pair) -> _Tally:
        return self._tallies.setdefault(pair.workspace, {}).setdefault(pair.path, _Tally())

    def _note(self, pair: Pair, number: int, bins: int, what: str) -> None:
        tally = self._tally(pair)
        tally.first = tally.first or what
        tally.bins = max(tally.bins, bins)
        tally.lumisections.append(number)

    def _note_agreement(self, pair: Pair, number: int, found: Agreement) -> None:
        if pair.path in self._statistical:
            self._tally(pair).agreements.append((number, found))

    # ----------------------------------------------------------------- findings

    def findings(self) -> Iterator[Finding]:
        """All that was found, once every LS was compared; elements by workspace and path."""
        improbable = self._improbable
        of = len(self.lumisections)
        for pair in self._pairs:
            tally = self._tallies.get(pair.workspace, {}).get(pair.path)
            if tally is None:
                continue
            chance = improbable.get((pair.workspace, pair.path), ())
            if not tally.lumisections and not chance:
                continue
            numbers = tuple(sorted({*tally.lumisections, *(number for number, _, _ in chance)}))
            words = [f"{lumisections_text(numbers, of)}: {tally.first or self._chance(chance)}"]
            if tally.bins:
                words.append(f"up to {tally.bins} of {pair.production.cells} bins in an LS")
            words += self._total(pair)
            yield Finding(
                kind=Kind.CONTENTS,
                subject=pair.path,
                workspace=pair.candidate_workspace,
                lumisections=numbers,
                text="; ".join(words),
            )

    def within_chance(self) -> int:
        """Elements that differ, and may: no more than two samples of the same do."""
        found = self._improbable
        return sum(
            any(one is not _EQUAL for _, one in tally.agreements) and (workspace, path) not in found
            for workspace, tallies in self._tallies.items()
            for path, tally in tallies.items()
        )

    @cached_property
    def _improbable(self) -> dict[tuple[str, str], list[tuple[int, Agreement, float]]]:
        """Agreements that are too bad, corrected for how many were looked at: all LSs of all
        elements together, and all elements over the run. Asked once every LS was compared."""
        places, values = list[tuple[tuple[str, str], int, Agreement]](), list[float]()
        for workspace, tallies in self._tallies.items():
            for path, tally in tallies.items():
                for number, one in tally.agreements:
                    places.append(((workspace, path), number, one))
                    values.append(one.p_value)
        found: dict[tuple[str, str], list[tuple[int, Agreement, float]]] = {}
        if not values:
            return found
        limit = self._policy.statistical.false_discovery
        adjusted = benjamini_hochberg(np.array(values))
        for (key, number, one), value in zip(places, adjusted, strict=True):
            if value <= limit:
                found.setdefault(key, []).append((number, one, float(value)))
        return found

    @staticmethod
    def _chance(found: Sequence[tuple[int, Agreement, float]]) -> str:
        _, worst, value = min(found, key=lambda one: one[2])
        return f"{worst.test} p-value {worst.p_value:.2g}, {value:.2g} corrected for all elements"

    def _total(self, pair: Pair) -> Iterator[str]:
        """Entries over the run, and the bin in which they differ most."""
        old = self.totals[0].get(pair.production_workspace)
        new = self.totals[1].get(pair.candidate_workspace)
        if old is None or new is None or not pair.production.planes:
            return
        before, after = MonitorElement(old, pair.production), MonitorElement(new, pair.candidate)
        yield f"entries over the run {before.entries:,} to {after.entries:,}"
        first, second = before.values(flow=True), after.values(flow=True)
        apart = np.nan_to_num(np.abs(np.subtract(second, first, dtype=np.float64)), nan=0.0)
        if apart.max(initial=0.0) > 0:
            where = np.unravel_index(int(apart.argmax()), apart.shape)
            place = ", ".join(_bin_name(number, int(at), pair) for number, at in enumerate(where))
            yield f"most in {place}: {first[where]:g} to {second[where]:g}"


def _bin_name(axis: int, at: int, pair: Pair) -> str:
    """A bin by its number, as people count: from 1, without flow."""
    own = getattr(pair.production.element, "axes", ())[axis]
    size = pair.production.extents[axis]
    named = f"axis {axis + 1} " if len(pair.production.extents) > 1 else ""
    if isinstance(own, Category):
        return f"{named}{'other codes' if at == size - 1 else f'code {own.codes[at]}'}"
    if at in {0, size - 1}:
        return f"{named}{'overflow' if at else 'underflow'}"
    return f"{named}bin {at}"


def _difference(
    pair: Pair, old: Contents, new: Contents, tolerance: float, *, by_path: bool, rounded: bool
) -> tuple[int, str]:
    """In how many bins an element differs, and how in words; empty if it does not."""
    before, after = pair.production, pair.candidate
    reasons = old.invalid.get(before.index, ""), new.invalid.get(after.index, "")
    if reasons[0] != reasons[1] and not by_path:
        was, now = (reason[:_SHORT] or "filled" for reason in reasons)
        return 0, f"{was!r} to {now!r}"
    if not before.planes:
        return _scalars(pair, old, new, tolerance)
    if before.planes == after.planes and (before.bits, before.square_bits) == (
        after.bits,
        after.square_bits,
    ):
        first, second = _cells(before, old), _cells(after, new)
        if np.array_equal(first, second):
            return 0, ""
        if before.planes == 1:
            counted = first[:-2] != second[:-2]
            if counted.any():
                return int(counted.sum()), "other counts"
            return (0, "") if by_path else (0, _counters(first, second))
    sides = MonitorElement(old, before), MonitorElement(new, after)
    return _of_values(*sides, tolerance, by_path=by_path, rounded=rounded)


def _of_values(
    old: MonitorElement, new: MonitorElement, tolerance: float, *, by_path: bool, rounded: bool
) -> tuple[int, str]:
    """Sums, means and their errors within a tolerance; entries exactly, where both know them."""
    if not by_path:
        apart = old.counts(flow=True) != new.counts(flow=True)
        if apart.any():
            return int(apart.sum()), "other entries"
        if (old.nan, old.outside) != (new.nan, new.outside):
            return 0, f"NaN {old.nan} to {new.nan}, out of range {old.outside} to {new.outside}"
    if not by_path and old.place.planes == new.place.planes == 3:
        for plane, power in ((1, "bits"), (2, "square_bits")):
            sums = [_sums(one, plane, getattr(one.place, power)) for one in (old, new)]
            step = max(2.0 ** -getattr(one.place, power) for one in (old, new))
            # Errors say nothing of what fixed point has rounded.
            more = _ROUNDED * step * old.counts(flow=True).ravel() if rounded else 0.0
            if not (same := _near(sums[0], sums[1], tolerance, more)).all():
                return int((~same).sum()), "other sums" if plane == 1 else "other sums of squares"
        return 0, ""
    first, second = (np.asarray(one.values(flow=True), np.float64) for one in (old, new))
    # Fixed point rounds each entry by up to a part in 2**30 of the declared range.
    step = max(2.0**-one.place.bits if one.place.planes == 3 else 0.0 for one in (old, new))
    entries = np.maximum(np.maximum(old.counts(flow=True), new.counts(flow=True)), 1)
    same = _near(first, second, tolerance, step * entries)
    return (0, "") if same.all() else (int((~same).sum()), "other values")


def _near(first: Floats, second: Floats, tolerance: float, more: Floats | float = 0.0) -> Booleans:
    room = tolerance * np.maximum(np.abs(first), np.abs(second)) + more
    return (np.abs(second - first) <= room) | (np.isnan(first) & np.isnan(second))


def _sums(element: MonitorElement, plane: int, bits: int) -> Floats:
    """Sums of a plane, in the element's units."""
    place = element.place
    begin = place.offset + plane * place.cells
    cells = element.contents.cells[begin : begin + place.cells]
    return np.ldexp(cells.astype(np.float64), -bits)


def _cells(place: ElementLayout, contents: Contents) -> NDArray[np.int64]:
    return contents.cells[place.offset : place.offset + place.size]


def _counters(first: NDArray[np.int64], other: NDArray[np.int64]) -> str:
    return f"NaN {first[-2]} to {other[-2]}, out of range {first[-1]} to {other[-1]}"


def _scalars(pair: Pair, old: Contents, new: Contents, tolerance: float) -> tuple[int, str]:
    before: ScalarValue | None = old.scalars.get(pair.production.index)
    after: ScalarValue | None = new.scalars.get(pair.candidate.index)
    was = MonitorElement(old, pair.production).value
    now = MonitorElement(new, pair.candidate).value
    if before is None or after is None:
        return (0, "") if before is after else (0, f"{_value(was)} to {_value(now)}")
    if isinstance(was, float) or isinstance(now, float):
        if isinstance(was, int | float) and isinstance(now, int | float):
            near = abs(was - now) <= tolerance * max(abs(was), abs(now))
            same = near or (np.isnan(was) and np.isnan(now))
            return (0, "") if same else (0, f"{_value(was)} to {_value(now)}")
        return 0, f"{_value(was)} to {_value(now)}"
    return (0, "") if was == now else (0, f"{_value(was)} to {_value(now)}")


def _value(value: object) -> str:
    return "no value" if value is None else f"{value!r}"[:_SHORT]


def _agreement(pair: Pair, old: Contents, new: Contents) -> Agreement:
    before, after = MonitorElement(old, pair.production), MonitorElement(new, pair.candidate)
    first = np.nan_to_num(before.values(flow=True).astype(np.float64))
    second = np.nan_to_num(after.values(flow=True).astype(np.float64))
    counted = isinstance(before.booked, Histogram) and not before.weighted
    ordered = counted and first.ndim == 1 and not isinstance(before.axes[0], Category)
    return agreement(
        first,
        second,
        np.nan_to_num(before.errors(flow=True)) ** 2,
        np.nan_to_num(after.errors(flow=True)) ** 2,
        ordered=ordered,
    )
