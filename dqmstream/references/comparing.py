"""A chosen version as quality tests take it: a histogram with what it was made of, or a band."""

from collections.abc import Callable, Iterable

from dqmstream.messages.booking import Histogram, Profile
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import (
    Chosen,
    ChosenBand,
    ChosenReference,
    Exposure,
    NoReference,
    Wanted,
)
from dqmstream.quality.normalising import entries_of, is_scaled
from dqmstream.references.catalogue import chosen
from dqmstream.references.contents import ReferenceData
from dqmstream.references.identity import shown_name

__all__ = ["Data", "band_for", "compared", "histogram_for", "standing_compared", "why_unusable"]

Data = Callable[[Reference], ReferenceData | None]
"""Contents of a version; None if they are not at hand."""


def standing_compared(
    standing: Iterable[tuple[Reference, str]], wanted: Wanted, data_of: Data
) -> Chosen:
    """What one element is compared with, out of a chain that `Catalogue.standing` has looked
    through; or why there is nothing."""
    choice = chosen(standing, wanted, lambda one, path: why_unusable(one, data_of(one), path))
    return compared(choice.references, wanted, data_of, choice.why_none)


def compared(
    references: Iterable[Reference], wanted: Wanted, data_of: Data, why_none: str
) -> Chosen:
    """These versions as quality tests take them, without those whose contents are not at hand."""
    found = []
    for reference in references:
        data = data_of(reference)
        if data is None:
            continue
        if wanted.kind == "band":
            return band_for(reference, data, wanted.path)
        found.append(histogram_for(reference, data, wanted.path))
    if not found:
        return NoReference(f"no reference for {wanted.path}: {why_none}")
    return tuple(found)


def why_unusable(reference: Reference, data: ReferenceData | None, path: str) -> str:
    """Why a version has nothing to compare an element with; empty if it has."""
    if data is None:
        return "has contents that are not in the log whole"
    layout = data.contents.layout
    if path not in layout:
        return "does not have this element"
    place = layout[path]
    if why := data.contents.invalid.get(place.index, ""):
        return f"could not fill it ({why})"
    cells = data.contents.cells[place.offset : place.offset + place.cells]
    if not cells.any():
        return "has no entries in it"
    if reference.kind == "band" and path not in data.bands:
        return "has no band of it"
    return ""


def histogram_for(reference: Reference, data: ReferenceData, path: str) -> ChosenReference:
    """The element's histogram; of a band the sum of its members."""
    return ChosenReference(
        version=reference.id,
        name=shown_name(reference),
        contents=data.contents,
        element=data.contents.layout[path],
        exposure=_exposure(reference),
    )


def _exposure(reference: Reference) -> Exposure:
    exposed = reference.exposed
    return Exposure(lumisections=exposed.lumisections, luminosity=exposed.recorded)


def band_for(reference: Reference, data: ReferenceData, path: str) -> ChosenBand:
    """The element's band."""
    band, element = data.bands[path], data.contents.layout[path].element
    profile = isinstance(element, Profile)
    return ChosenBand(
        version=reference.id,
        name=shown_name(reference),
        axes=element.axes if isinstance(element, Histogram | Profile) else (),
        centre=band.centre,
        lower=band.lower,
        upper=band.upper,
        statistical=band.statistical,
        members=band.members,
        per=reference.per if is_scaled(element) else "none",
        profile=profile,
        exposure=_exposure(reference),
        entries=entries_of(data.contents, data.contents.layout[path]),
        usual=band.usual,
    )
