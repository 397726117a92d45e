"""The band of an element over many LSs, from its cells in each of them."""

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.quality.algorithms.band_usual import usual_squares
from dqmstream.quality.bands import make_band
from dqmstream.quality.inputs import Normalise
from dqmstream.quality.normalising import is_scaled
from dqmstream.quality.stack import per_element, stack_cells
from dqmstream.references.contents import BandRanges

__all__ = ["band_of"]

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
    cells = cells[:, : place.planes * place.cells]
    lumisections = stack_cells(place, cells)
    units = np.ones(len(cells))
    contents: Floats
    variances: Floats | None
    if lumisections.sums is None or lumisections.squares is None:
        contents, variances = lumisections.entries.astype(np.float64), None
    elif lumisections.profile:
        contents, variances = _means(lumisections.entries, lumisections.sums, lumisections.squares)
    else:
        contents, variances = lumisections.sums, lumisections.squares
    if is_scaled(place.element):
        if per == "entries":
            units = per_element(contents[lumisections.inner]).sum(axis=1)
        elif per == "luminosity" and luminosity is not None:
            units = luminosity
    band = make_band(contents, units, variances)
    good = np.isfinite(units) & (units > 0)
    return BandRanges(
        centre=band.centre,
        lower=band.lower,
        upper=band.upper,
        statistical=band.statistical,
        members=int(np.count_nonzero(good)),
        usual=usual_squares(
            stack_cells(place, cells[good]),
            contents[good],
            units[good],
            None if variances is None else variances[good],
        ),
    )


def _means(counts: NDArray[np.int64], sums: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Means, NaN without entries, and their squared standard errors, NaN below two of them."""
    entries = counts.astype(np.float64)
    filled = entries > 0
    means, mean_squares = np.full_like(sums, np.nan), np.full_like(sums, np.nan)
    np.divide(sums, entries, out=means, where=filled)
    np.divide(squares, entries, out=mean_squares, where=filled)
    # Fixed point may leave a variance of 0 a little below it.
    variances = np.full_like(sums, np.nan)
    spread = np.maximum(mean_squares - means**2, 0.0)
    np.divide(spread, entries - 1, out=variances, where=entries > 1)
    return means, variances
