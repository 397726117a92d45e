"""A chosen version as quality tests take it: a histogram with what it was made of, or a band."""

from dqmstream.messages.booking import Histogram, Profile
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import ChosenBand, ChosenReference, Exposure
from dqmstream.references.banding import is_scaled
from dqmstream.references.contents import ReferenceData
from dqmstream.references.identity import shown_name

__all__ = ["band_for", "histogram_for", "why_unusable"]


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
        exposure=Exposure(
            lumisections=reference.exposed.lumisections, luminosity=reference.exposed.recorded
        ),
    )


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
    )
