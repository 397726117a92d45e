"""The band of an element over many LSs, from its cells in each of them."""

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Category, Element, Histogram, Profile
from dqmstream.quality.bands import make_band
from dqmstream.quality.inputs import Normalise
from dqmstream.references.contents import BandRanges

__all__ = ["band_of", "is_scaled"]

Floats = NDArray[np.float64]


def band_of(
    place: ElementLayout, cells: NDArray[np.int64], per: Normalise, luminosity: Floats | None = None
) -> BandRanges:
    """What the bins of an element look like in LSs.

    Parameters
    ----------
    place
        The element, with bins.
    cells
        int64[m, place.size] of m LSs.
    per
        The unit. `entries` are those of all bins without flow, or sums of weights. Means of a
        profile, and what is drawn as an efficiency, are never divided by anything (`is_scaled`).
    luminosity
        float64[m] of each LS, recorded, in /pb; NaN where it is not known. For that unit only.

    Raises
    ------
    ValueError
        If the unit is luminosity and none is given.
    """
    if per == "luminosity" and luminosity is None:
        msg = f"{place.element.path}: a band per luminosity needs the luminosity of each LS"
        raise ValueError(msg)
    lumisections = len(cells)
    planes = cells[:, : place.planes * place.cells].reshape(
        lumisections, place.planes, *place.extents
    )
    units = np.ones(lumisections)
    contents: Floats
    variances: Floats | None
    if isinstance(place.element, Profile):
        contents, variances = _means(place, planes)
    else:
        contents, variances = _sums(place, planes)
    if is_scaled(place.element):
        if per == "entries":
            units = contents[_inner(place.element)].reshape(lumisections, -1).sum(axis=1)
        elif per == "luminosity" and luminosity is not None:
            units = luminosity
    band = make_band(contents, units, variances)
    return BandRanges(
        centre=band.centre,
        lower=band.lower,
        upper=band.upper,
        statistical=band.statistical,
        members=int(np.count_nonzero(np.isfinite(units) & (units > 0))),
    )


def is_scaled(element: Element) -> bool:
    """Whether contents of an element depend on how much data they are of."""
    return not isinstance(element, Profile) and not element.draw.efficiency


def _inner(element: Element) -> tuple[slice, ...]:
    """Index of LSs and of the bins without flow."""
    axes = element.axes if isinstance(element, Histogram | Profile) else ()
    flow = (slice(0, -1) if isinstance(axis, Category) else slice(1, -1) for axis in axes)
    return (slice(None), *flow)


def _sums(place: ElementLayout, planes: NDArray[np.int64]) -> tuple[Floats, Floats | None]:
    """Counts; or sums of weights, and of their squares."""
    if place.planes == 1:
        return planes[:, 0].astype(np.float64), None
    return (
        np.ldexp(planes[:, 1].astype(np.float64), -place.bits),
        np.ldexp(planes[:, 2].astype(np.float64), -place.square_bits),
    )


def _means(place: ElementLayout, planes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Means, NaN without entries, and their squared standard errors, NaN below two of them."""
    entries = planes[:, 0].astype(np.float64)
    sums = np.ldexp(planes[:, 1].astype(np.float64), -place.bits)
    squares = np.ldexp(planes[:, 2].astype(np.float64), -place.square_bits)
    filled = entries > 0
    means, mean_squares = np.full_like(sums, np.nan), np.full_like(sums, np.nan)
    np.divide(sums, entries, out=means, where=filled)
    np.divide(squares, entries, out=mean_squares, where=filled)
    # Fixed point may leave a variance of 0 a little below it.
    variances = np.full_like(sums, np.nan)
    spread = np.maximum(mean_squares - means**2, 0.0)
    np.divide(spread, entries - 1, out=variances, where=entries > 1)
    return means, variances
