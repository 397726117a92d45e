"""Contents of references out of the store: a run, LSs of it, or a band over many. Blocking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.identity import compact_ranges, ranges_of
from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import RunWindow
from dqmstream.quality.gate import Gate, parse_gate
from dqmstream.quality.inputs import Normalise
from dqmstream.references.banding import band_of
from dqmstream.references.contents import BandRanges, ReferenceData
from dqmstream.references.making import Made, exposed_over, matching
from services.gateway.archive import Archive, Shelf, stored_shelf
from services.gateway.problems import ProblemError, not_found

__all__ = ["AskedData", "read_data", "workspaces_of"]

_MOST_MEMBERS: Final = 1_000
"""LSs of a band; of more, as many are taken at equal distances."""
_MOST_CELLS: Final = 1 << 25
"""Cells of one element in all LSs of a band together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedData:
    """What a reference is to be made of.

    Parameters
    ----------
    runs
        By run, ranges of LSs, both ends included; of none all.
    per
        Unit of a band; None for a histogram, which is of one run.
    require
        What is asked of the conditions of each LS, as in quality tests; those that do not fulfil
        it, or of which it is not known, are left out.
    """

    runs: Mapping[int, Sequence[tuple[int, int]]]
    per: Normalise | None = None
    require: str = ""


class _Members(NamedTuple):
    """LSs of one run that are taken."""

    run: int
    shelf: Shelf
    numbers: list[int]
    conditions: list[Conditions | None]


@dataclass(slots=True)
class _Gathered:
    """One element in the LSs of several runs."""

    place: ElementLayout
    cells: list[NDArray[np.int64]] = field(default_factory=list)
    luminosity: list[float] = field(default_factory=list)


def workspaces_of(archive: Archive, runs: Sequence[int]) -> list[str]:
    """Workspaces that are stored of all these runs; ProblemError 404 if there is none."""
    found = [set(stored_shelf(archive, run).sets) for run in runs]
    shared = sorted(set.intersection(*found)) if found else []
    if not shared:
        msg = f"no workspace is stored of all of runs {compact_ranges(runs)}"
        raise not_found(msg)
    return shared


def read_data(
    archive: Archive, workspace: str, asked: AskedData, paths: Sequence[str]
) -> tuple[ReferenceData, Made]:
    """Contents of the elements that some patterns name, and what they were made of.

    Raises
    ------
    ProblemError
        404 if a run, the workspace or any LS of them is not stored, 422 if it is asked wrongly.
    StoreError, WindowError
        If the store cannot be read, or a sum not be made.
    """
    members = [_members(archive, workspace, run, asked) for run in sorted(asked.runs)]
    members = [one for one in members if one.numbers]
    if not members:
        runs = compact_ranges(asked.runs)
        what = f" with {asked.require!r}" if asked.require else ""
        msg = f"no LS{what} of workspace {workspace!r} is stored of runs {runs} there"
        raise not_found(msg)
    if asked.per is not None:
        return _band(archive, workspace, _thinned(members), asked.per, paths)
    if len(members) > 1:
        raise ProblemError(422, f"{len(members)} runs: a histogram is of one, a band of many")
    only = members[0]
    window = archive.workspace_window(only.shelf, only.run, workspace, only.numbers)
    # LS 0 is what was imported of a whole run.
    whole = not asked.require and not asked.runs[only.run]
    made = Made(
        kind="run" if whole else "lumisections",
        windows=(_window(only, workspace),),
        exposed=exposed_over(only.conditions),
    )
    return ReferenceData(contents=matching(window.contents, paths)), made


def _members(archive: Archive, workspace: str, run: int, asked: AskedData) -> _Members:
    shelf = stored_shelf(archive, run)
    if workspace not in shelf.sets:
        msg = f"run {run} workspace {workspace!r} is not stored"
        raise not_found(msg)
    ranges = asked.runs[run]
    gate = _gate(asked.require)
    numbers = []
    for number, record in sorted(shelf.records_of(workspace).items()):
        if ranges and not any(first <= number <= last for first, last in ranges):
            continue
        told = shelf.conditions.get(number)
        if record.closed and (gate is None or gate(told) is True):
            numbers.append(number)
    return _Members(run, shelf, numbers, [shelf.conditions.get(number) for number in numbers])


def _gate(require: str) -> Gate | None:
    try:
        return parse_gate(require) if require else None
    except ValueError as error:
        raise ProblemError(422, f"require {error}") from error


def _window(members: _Members, workspace: str) -> RunWindow:
    return RunWindow(
        run=members.run,
        set=members.shelf.sets[workspace],
        lumisections=ranges_of(members.numbers),
    )


def _thinned(members: Sequence[_Members]) -> list[_Members]:
    """At most so many LSs, at equal distances over all runs."""
    places = [(run, at) for run, one in enumerate(members) for at in range(len(one.numbers))]
    if len(places) <= _MOST_MEMBERS:
        return list(members)
    kept = np.linspace(0, len(places) - 1, _MOST_MEMBERS).astype(int)
    chosen: dict[int, list[int]] = {}
    for index in kept:
        run, at = places[index]
        chosen.setdefault(run, []).append(at)
    return [
        _Members(
            members[run].run,
            members[run].shelf,
            [members[run].numbers[at] for at in found],
            [members[run].conditions[at] for at in found],
        )
        for run, found in chosen.items()
    ]


# ----------------------------------------------------------------------- bands


def _band(
    archive: Archive,
    workspace: str,
    members: Sequence[_Members],
    per: Normalise,
    paths: Sequence[str],
) -> tuple[ReferenceData, Made]:
    """The band of each element, and the sum over its members."""
    # As the last run has it: what an earlier one has otherwise is left out of the band.
    layout = members[-1].shelf.layouts[workspace]
    contents = matching(Contents.empty(layout), paths)
    bands: dict[str, BandRanges] = {}
    for place in contents.layout:
        if not place.size:
            continue
        found = _gathered(archive, workspace, place, members)
        if not found.cells:
            contents.mark_invalid(place.index, "no LS of the band has it")
            continue
        cells = np.concatenate(found.cells)
        part = contents.cells[place.offset : place.offset + place.size]
        part += cells.sum(axis=0)
        luminosity = np.array(found.luminosity) if per == "luminosity" else None
        bands[place.element.path] = band_of(place, cells, per, luminosity)
    # Adding checks that no fixed-point sum can have overflowed.
    Contents.empty(contents.layout).add(contents)
    made = Made(
        kind="band",
        windows=tuple(_window(one, workspace) for one in members),
        exposed=exposed_over([told for one in members for told in one.conditions]),
        per=per,
    )
    return ReferenceData(contents=contents, bands=bands), made


def _gathered(
    archive: Archive, workspace: str, place: ElementLayout, members: Sequence[_Members]
) -> _Gathered:
    """One element in all members, but where it could not be filled or is another one."""
    found = _Gathered(place)
    path = place.element.path
    size = sum(len(one.numbers) for one in members) * place.size
    if size > _MOST_CELLS:
        detail = f"{path}: {size} cells in all LSs of the band, expected at most {_MOST_CELLS}"
        raise ProblemError(413, f"{detail}: name fewer LSs, or paths without it")
    for one in members:
        layout: Layout = one.shelf.layouts[workspace]
        if path not in layout or not _alike(layout[path], place):
            continue
        trend = archive.element_trend(one.shelf, one.run, workspace, path, one.numbers)
        told = dict(zip(one.numbers, one.conditions, strict=True))
        good = [
            index
            for index, number in enumerate(trend.lumisections.tolist())
            if number not in trend.invalid
        ]
        found.cells.append(trend.cells[good])
        for index in good:
            conditions = told.get(int(trend.lumisections[index]))
            recorded = conditions.recorded if conditions is not None else None
            found.luminosity.append(np.nan if recorded is None else recorded)
    return found


def _alike(one: ElementLayout, other: ElementLayout) -> bool:
    axes = getattr(one.element, "axes", ()), getattr(other.element, "axes", ())
    storage = (one.planes, one.bits, one.square_bits)
    return axes[0] == axes[1] and storage == (other.planes, other.bits, other.square_bits)
