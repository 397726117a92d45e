"""What a reference or band is multiplied by, to be what is expected of the elements judged."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Element, Profile
from dqmstream.quality.inputs import ChosenBand, ChosenReference, Exposure, Normalise
from dqmstream.quality.stack import BandStack, Stack, per_element, stack_elements

__all__ = [
    "band_stack",
    "entries_of",
    "is_scaled",
    "reference_scale",
    "why_no_band",
    "why_unscaled",
]

Floats = NDArray[np.float64]


def reference_scale(
    by: Normalise,
    pair: tuple[Stack, Stack],
    layouts: Sequence[ElementLayout],
    chosen: Sequence[ChosenReference],
    own: Exposure,
) -> Floats:
    """float64[n] for each element and its reference; NaN where it cannot be said.

    Profiles, and elements drawn as efficiencies, are never scaled. By entries it is the ratio of
    entries (or sums of weights) without flow; 1 for an element without any.

    Parameters
    ----------
    pair
        The elements, and their references.
    own
        What the elements were made of.
    """
    stack, other = pair
    ones = np.ones(len(stack))
    if stack.profile or by == "none":
        return ones
    with np.errstate(divide="ignore", invalid="ignore"):
        if by == "entries":
            # Nothing can be scaled to nothing: too few entries are said to be so by the test.
            mine, theirs = _amount(stack), _amount(other)
            scale = np.where(mine > 0, mine / theirs, np.where(theirs > 0, 1.0, np.nan))
        elif by == "lumisections":
            counts = np.array([float(one.exposure.lumisections) for one in chosen])
            scale = own.lumisections / counts
        else:
            known = [one.exposure.luminosity for one in chosen]
            theirs = np.array([np.nan if one is None else one for one in known])
            scale = np.divide(np.nan if own.luminosity is None else own.luminosity, theirs)
    efficiency = np.array([layout.element.draw.efficiency for layout in layouts])
    return np.where(efficiency, ones, scale)


def why_unscaled(by: Normalise, chosen: ChosenReference, own: Exposure) -> str:
    """Why there is no such scale."""
    if by == "luminosity" and own.luminosity is None:
        return "the luminosity to scale the reference to is not known"
    what = {"entries": "no entries", "luminosity": "no known luminosity"}.get(by, "no LSs")
    return f"reference {chosen.name} has {what} to scale by"


def why_no_band(
    by: Normalise | None, band: ChosenBand, layout: ElementLayout, own: Exposure
) -> str:
    """Why a band cannot be scaled to what is expected of an element; empty if it can."""
    if not is_scaled(layout.element):
        return ""
    unit = by or band.per
    if unit == "luminosity" and own.luminosity is None:
        return f"band {band.name} is {_PER[unit]}, and that of the LS is not known"
    if unit == band.per:
        return ""
    for one in (band.per, unit):
        if not _amount_of(band, one) > 0:
            said = f"band {band.name} is {_PER[band.per]}, to be compared {_PER[unit]}"
            return f"{said}: it is not known how much of that it was made of"
    return ""


_PER: Final[Mapping[Normalise, str]] = {
    "entries": "per entry",
    "lumisections": "per LS",
    "luminosity": "per luminosity",
    "none": "of contents as they are",
}


def band_stack(
    by: Normalise | None,
    stack: Stack,
    layouts: Sequence[ElementLayout],
    bands: Sequence[ChosenBand],
    own: Exposure,
) -> BandStack:
    """The bands of n elements, in the unit that they are to be compared in.

    A band per `a` becomes one per `b` by A / B, with A and B what all its members had of `a` and
    `b`: centre, lower and upper times A / B, the variance times its square. The range stays that of
    the unit it was made in: a band per entry knows nothing of how rates scatter. Means of profiles,
    and elements drawn as efficiencies, are never scaled.

    Parameters
    ----------
    by
        The unit; None: that of each band.
    own
        What the elements were made of; `why_no_band` has nothing against it.
    """
    units: dict[Normalise, Floats] = {
        "entries": _amount(stack),
        "lumisections": np.full(len(bands), float(own.lumisections)),
        "luminosity": np.full(len(bands), own.luminosity or 0.0),
        "none": np.ones(len(bands)),
    }
    scales, ratios = np.ones(len(bands)), np.ones(len(bands))
    usual = np.array([band.usual or (np.nan,) * 3 for band in bands], np.float64)
    for row, (layout, band) in enumerate(zip(layouts, bands, strict=True)):
        if not is_scaled(layout.element):
            continue
        unit = by or band.per
        scales[row] = units[unit][row]
        if unit != band.per:
            ratios[row] = _amount_of(band, band.per) / _amount_of(band, unit)
            usual[row] = np.nan
    ratio = ratios.reshape(-1, *(1,) * bands[0].centre.ndim)
    return BandStack(
        centre=np.stack([band.centre for band in bands]) * ratio,
        lower=np.stack([band.lower for band in bands]) * ratio,
        upper=np.stack([band.upper for band in bands]) * ratio,
        statistical=np.stack([band.statistical for band in bands]) * ratio**2,
        scale=scales,
        members=np.array([band.members for band in bands], np.int64),
        usual=usual,
    )


def is_scaled(element: Element) -> bool:
    """Whether contents of an element depend on how much data they are of."""
    return not isinstance(element, Profile) and not element.draw.efficiency


def _amount_of(band: ChosenBand, unit: Normalise) -> float:
    """What all members of a band together had of a unit; NaN if it is not known. Contents as they
    are, are those of an LS."""
    if unit == "entries":
        return band.entries
    if unit == "luminosity":
        known = band.exposure.luminosity
        return np.nan if known is None else known
    return float(band.exposure.lumisections)


def _amount(stack: Stack) -> Floats:
    """float64[n]: entries, or the sum of weights, without flow."""
    content = stack.entries if stack.sums is None else stack.sums
    return np.asarray(per_element(content[stack.inner]).sum(axis=1), np.float64)


def entries_of(contents: Contents, layout: ElementLayout) -> float:
    """Entries of one element, or its sum of weights, without flow."""
    return float(_amount(stack_elements(contents, [layout]))[0])
