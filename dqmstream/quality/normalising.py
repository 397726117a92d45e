"""What a reference or band is multiplied by, to be what is expected of the elements judged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.quality.inputs import ChosenBand, ChosenReference, Exposure, Normalise
from dqmstream.quality.stack import BandStack, Stack, per_element

__all__ = ["band_stack", "reference_scale", "why_unscaled"]

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


def band_stack(stack: Stack, bands: Sequence[ChosenBand], own: Exposure) -> BandStack:
    """The bands of n elements, each in units of its own; the luminosity must be known if any is
    per luminosity."""
    amount = _amount(stack)
    units: dict[Normalise, Floats] = {
        "entries": amount,
        "lumisections": np.full(len(bands), float(own.lumisections)),
        "luminosity": np.full(len(bands), own.luminosity or 0.0),
        "none": np.ones(len(bands)),
    }
    scale = [1.0 if stack.profile else units[band.per][row] for row, band in enumerate(bands)]
    return BandStack(
        centre=np.stack([band.centre for band in bands]),
        lower=np.stack([band.lower for band in bands]),
        upper=np.stack([band.upper for band in bands]),
        statistical=np.stack([band.statistical for band in bands]),
        scale=np.array(scale),
        members=np.array([band.members for band in bands], np.int64),
    )


def _amount(stack: Stack) -> Floats:
    """float64[n]: entries, or the sum of weights, without flow."""
    content = stack.entries if stack.sums is None else stack.sums
    return np.asarray(per_element(content[stack.inner]).sum(axis=1), np.float64)
