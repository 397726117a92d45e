"""Which workspaces a side has filled: one that got nothing compares as equal with anything. Pure.

A number that reads no column of the source, as a count of events, comes of any event whatsoever: it
says nothing of whether what the others read was there.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from msgspec import structs

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking, Element
from dqmstream.workspaces.fitting import needed_columns
from playback.comparing.bookings import Pair
from playback.comparing.finding import Finding, Kind

__all__ = ["Fillings", "filling_findings", "unfilled_findings", "unfilled_notes"]

_REASONS: Final = 3
_WORKSPACES: Final = 5
_PATHS: Final = 3
_LONGEST: Final = 200


class Fillings:
    """What one side has filled, LS by LS.

    Parameters
    ----------
    layouts
        Of the side, by workspace.
    """

    def __init__(self, layouts: Mapping[str, Layout]) -> None:
        self._layouts = layouts
        self._filled = set[str]()
        self._reasons: dict[str, dict[int, str]] = {}

    def add(self, contents: Mapping[str, Contents]) -> None:
        """One LS."""
        for workspace, one in contents.items():
            if workspace in self._filled:
                continue
            if _is_filled(one):
                self._filled.add(workspace)
                self._reasons.pop(workspace, None)
            else:
                self._reasons.setdefault(workspace, {}).update(one.invalid)

    @property
    def empty(self) -> dict[str, str]:
        """Workspaces of which no element has got anything, and why, by name."""
        return {
            workspace: _why(layout, self._reasons.get(workspace))
            for workspace, layout in sorted(self._layouts.items())
            if workspace not in self._filled and layout.elements
        }

    @property
    def nothing(self) -> str:
        """Why nothing is filled in any workspace; empty if something is."""
        empty = self.empty
        if self._filled or not empty:
            return ""
        told = [f"{name}: {why}" for name, why in list(empty.items())[:_WORKSPACES]]
        if more := len(empty) - len(told):
            told.append(f"{more:,} more")
        return f"nothing is filled: all elements of all workspaces are empty: {'; '.join(told)}"


def _is_filled(contents: Contents) -> bool:
    """Whether an element has something that it can only have of the columns it reads.

    Where no element reads any (it is an export, which does not say how it was filled) any counts.
    """
    booking = contents.layout.booking
    there = [place for place in contents.layout if _has_entries(contents, place)]
    if not there:
        return False
    if any(_reads(booking, place.element) for place in there):
        return True
    return not any(_reads(booking, element) for element in booking.elements)


def _has_entries(contents: Contents, place: ElementLayout) -> bool:
    if not place.planes:
        return place.index in contents.scalars
    return bool(contents.cells[place.offset : place.offset + place.size].any())


def _reads(booking: Booking, element: Element) -> bool:
    return bool(needed_columns([structs.replace(booking, elements=(element,))]))


def _why(layout: Layout, reasons: Mapping[int, str] | None) -> str:
    if reasons is None:
        return "no LS has contents of it"
    if not reasons:
        return f"none of its {len(layout.elements):,} elements has an entry"
    return _counted(reasons.values())


def _counted(reasons: Collection[str]) -> str:
    """Reasons, the most frequent first, and of how many elements."""
    counted = Counter(reasons)
    told = [f"{why[:_LONGEST]} ({_elements(n)})" for why, n in counted.most_common(_REASONS)]
    if more := len(counted) - len(told):
        told.append(f"{more:,} more reasons")
    return ", ".join(told)


def _elements(count: int) -> str:
    return f"{count:,} element{'' if count == 1 else 's'}"


def filling_findings(empty: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Workspaces that got nothing; `empty` says why, by side and workspace."""
    for workspace in sorted(set[str]().union(*empty.values())):
        why = {side: found[workspace] for side, found in empty.items() if workspace in found}
        told = set(why.values())
        if len(why) > 1 and len(told) == 1:
            text = f"nothing was filled on either side: {told.pop()}"
        else:
            sides = (f"nothing was filled in the {side}: {words}" for side, words in why.items())
            text = "; ".join(sides)
        yield Finding(kind=Kind.NOTHING_FILLED, subject=workspace, workspace=workspace, text=text)


def unfilled_findings(
    pairs: Sequence[Pair], candidate: Mapping[str, Contents], told: Collection[str]
) -> Iterator[Finding]:
    """New elements that could not be filled in any LS: nothing is there to compare them with.

    Parameters
    ----------
    candidate
        Contents over the run, by workspace.
    told
        Workspaces of which nothing was filled at all.
    """
    known = {(pair.candidate_workspace, pair.path) for pair in pairs}
    for workspace, total in sorted(candidate.items()):
        if workspace in told:
            continue
        for path, why in _unfilled(total).items():
            if (workspace, path) not in known:
                yield Finding(
                    kind=Kind.NOTHING_FILLED,
                    subject=path,
                    workspace=workspace,
                    text=f"the new element was never filled: {why[:_LONGEST]}",
                )


def unfilled_notes(
    production: Mapping[str, Contents], candidate: Mapping[str, Contents], told: Collection[str]
) -> Iterator[str]:
    """Elements that neither side could fill, by workspace: they are equal, and say nothing."""
    for workspace in sorted(production.keys() & candidate.keys() - set(told)):
        old, new = _unfilled(production[workspace]), _unfilled(candidate[workspace])
        both = {path: why for path, why in new.items() if path in old}
        if both:
            shown = ", ".join(list(both)[:_PATHS])
            more = f" and {len(both) - _PATHS:,} more" if len(both) > _PATHS else ""
            yield (
                f"{workspace}: not filled on either side: {_counted(both.values())}: {shown}{more}"
            )


def _unfilled(total: Contents) -> dict[str, str]:
    """Paths of elements without entries, and why they could not be filled."""
    found = {}
    for place in total.layout:
        why = total.invalid.get(place.index)
        if why is not None and not _has_entries(total, place):
            found[place.element.path] = why
    return found
