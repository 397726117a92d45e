"""What plots are drawn over: the reference chosen for each of many elements, and its scale.

The choice is that of quality tests: the first of the chain of a workspace that is good for the
last LS of the window, and has the element.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dqmstream.export.about import About
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference
from dqmstream.quality.axes import fits, mismatch
from dqmstream.quality.inputs import Exposure, Normalise, Wanted
from dqmstream.quality.normalising import is_scaled, reference_scale
from dqmstream.quality.stack import stack_elements
from dqmstream.references.catalogue import Catalogue, Choice, chosen
from dqmstream.references.comparing import Data, histogram_for, why_unusable
from dqmstream.references.contents import ReferenceData
from dqmstream.references.identity import shown_name
from services.gateway.formats.table import Sheet
from services.gateway.place import Reading, alone
from services.gateway.records import Covered
from services.gateway.windows import Window

__all__ = ["Asked", "drawn", "overlays", "put_over", "why_without"]

_RUN = Window("run")
_NOT_WHOLE = "its contents are not in the log whole"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Of which run and LSs elements are, and how they are to be compared.

    Parameters
    ----------
    conditions
        By LS.
    name
        Of the reference of choice; empty for the chain.
    moment
        Now, in nanoseconds since 1970: references expire.
    """

    run: int
    conditions: Mapping[int, Conditions]
    name: str = ""
    kind: Literal["histogram", "band"] = "histogram"
    normalise: Normalise = "entries"
    moment: int = 0

    def wanted(self, shown: Reading) -> Wanted:
        """What is asked of the catalogue for one element: as of the last LS of its window."""
        numbers = shown.covered.numbers
        workspace = shown.contents.layout.workspace
        return self.wanted_of(workspace, shown.element, numbers[-1] if numbers else 0)

    def wanted_of(self, workspace: str, element: ElementLayout, last: int) -> Wanted:
        """The same of an element of which only the last LS of the window is known, 0 for none."""
        return Wanted(
            kind=self.kind,
            workspace=workspace,
            path=element.element.path,
            run=self.run,
            lumisection=last,
            conditions=self.conditions.get(last),
            name=self.name,
            moment=self.moment,
        )


def overlays(
    readings: Sequence[Reading], asked: Asked, catalogue: Catalogue, data_of: Data
) -> list[dict[str, Any]]:
    """For each element what it is compared with, as JSON types; or `why` there is nothing."""
    rows = []
    for reading in readings:
        wanted = asked.wanted(reading)
        choice = _choice(wanted, catalogue, data_of)
        reference = choice.references[0] if choice.references else None
        data = None if reference is None else data_of(reference)
        row: dict[str, Any] = {
            "path": wanted.path,
            "workspace": wanted.workspace,
            "tried": list(choice.tried),
        }
        if reference is None or data is None:
            rows.append(row | {"why": choice.why_none or _NOT_WHOLE})
            continue
        over = put_over(reading, asked, reference, data)
        if isinstance(over, str):
            rows.append(row | {"why": over})
            continue
        about = {
            "version": reference.id,
            "name": shown_name(reference),
            "runs": [window.run for window in reference.windows],
            "lumisections": reference.exposed.lumisections,
        }
        rows.append(row | about | over)
    return rows


def why_without(element: ElementLayout, wanted: Wanted, catalogue: Catalogue, data_of: Data) -> str:
    """Why an element has no reference that fits it; empty if it has one."""
    choice = _choice(wanted, catalogue, data_of)
    reference = choice.references[0] if choice.references else None
    data = None if reference is None else data_of(reference)
    if reference is None or data is None:
        return choice.why_none or _NOT_WHOLE
    place = data.contents.layout[wanted.path]
    fitting = not place.size or fits(element, place)
    return "" if fitting else mismatch(element, place, shown_name(reference))


def _choice(wanted: Wanted, catalogue: Catalogue, data_of: Data) -> Choice:
    return chosen(
        catalogue.standing(wanted), wanted, lambda one, at: why_unusable(one, data_of(one), at)
    )


def put_over(
    shown: Reading, asked: Asked, reference: Reference, data: ReferenceData
) -> dict[str, Any] | str:
    """A reference as it is drawn over an element, as JSON types: `contents`, `scale`, and what it
    is `normalise`d to; or in words why it cannot be."""
    place = data.contents.layout[shown.element.element.path]
    if place.size and not fits(shown.element, place):
        # Booked otherwise since: quality tests are INVALID, and nothing is drawn over it.
        return mismatch(shown.element, place, shown_name(reference))
    # Of scalars and texts there is nothing to be scaled.
    scaled = bool(place.size) and is_scaled(place.element)
    per: Normalise = asked.normalise if scaled else "none"
    own = Exposure.of(shown.covered.numbers, asked.conditions.get)
    return {
        "contents": drawn(reference, data, [place])[0],
        "scale": _scale(shown, own, reference, data, per) if scaled else 1.0,
        "normalise": per,
    }


def _scale(
    shown: Reading, own: Exposure, reference: Reference, data: ReferenceData, per: Normalise
) -> float | None:
    """What the values of a reference are multiplied by to be those expected; None if unknown."""
    other = histogram_for(reference, data, shown.element.element.path)
    pair = (
        stack_elements(shown.contents, [shown.element]),
        stack_elements(data.contents, [other.element]),
    )
    scale = float(reference_scale(per, pair, [shown.element], [other], own)[0])
    return scale if math.isfinite(scale) else None


def drawn(
    reference: Reference, data: ReferenceData, places: Sequence[ElementLayout]
) -> list[dict[str, Any]]:
    """Elements as contents are shown, with the ranges of a band beside."""
    readings = [_reading(reference, data, place) for place in places]
    states = Sheet(readings=readings, window=_RUN).states()
    return [
        {**state.header, "arrays": {**state.arrays, **_ranges(data, place)}}
        for state, place in zip(states, places, strict=True)
    ]


def _ranges(data: ReferenceData, place: ElementLayout) -> dict[str, Any]:
    band = data.bands.get(place.element.path)
    # What is drawn of three axes is a projection, which a range has none of.
    if band is None or len(place.extents) > 2:
        return {}
    return {name: getattr(band, name).ravel() for name in ("centre", "lower", "upper")}


def _reading(reference: Reference, data: ReferenceData, place: ElementLayout) -> Reading:
    windows = reference.windows
    run = windows[-1].run if windows else 0
    numbers = tuple(
        number
        for window in windows
        if window.run == run
        for first, last in window.lumisections
        for number in range(first, last + 1)
    )
    covered = Covered(
        run=run, numbers=numbers, closed=True, complete=True, whole=True, late_events=0
    )
    about = About(
        run=run,
        window=shown_name(reference),
        lumisections=numbers,
        closed=True,
        complete=True,
        whole=True,
        booking=data.contents.layout.hash,
    )
    own = alone(place, data.contents.layout, data.contents)
    return Reading(next(iter(own.layout)), own, covered, {}, about)
