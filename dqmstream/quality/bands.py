"""Bands: what the bins of an element look like in many good LSs."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Band", "make_band"]

Floats = NDArray[np.float64]

_LOW, _HIGH = 0.15865525393145707, 0.8413447460685429
_FEW: Final = 10.0


class Band(NamedTuple):
    """float64[bins...] each, per unit: see `BandStack`."""

    centre: Floats
    lower: Floats
    upper: Floats
    statistical: Floats


def make_band(contents: Floats, units: Floats, variances: Floats | None = None) -> Band:
    """The band of an element over good LSs.

    centre is the median of contents / units, lower and upper are the quantiles Phi(-1) and Phi(1),
    statistical is the mean of variances / units^2. Where the median of contents is below 10 counts
    it moves in steps (that of a Poisson mean of 0.5 is 0): centre is the mean then, of contents up
    to median + 5 (1 + sqrt(median + 1)), so that a wild LS does not pull it.

    Half of the range then is the standard deviation of normal contents, whatever one LS in six on
    either side does.

    Parameters
    ----------
    contents
        [m, bins...] of m LSs: counts, sums of weights, or means of a profile. NaN where nothing is
        known (a mean without entries); such LSs are left out of that bin.
    units
        [m] what each is divided by: its entries, LSs, luminosity, or 1. LSs in which it is not
        positive are left out.
    variances
        [m, bins...] statistical ones of the contents: squares of weights, or squared errors of
        means. The contents themselves by default, as of counts.

    Returns
    -------
    Band
        NaN in bins that no LS knows, and everywhere without LSs.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    contents, units = np.asarray(contents, np.float64), np.asarray(units, np.float64)
    spread = contents if variances is None else np.asarray(variances, np.float64)
    if units.shape != contents.shape[:1] or spread.shape != contents.shape:
        msg = (
            f"contents {contents.shape}, units {units.shape} and variances {spread.shape} "
            "do not fit together, expected [m, bins...], [m] and [m, bins...]"
        )
        raise ValueError(msg)
    good = np.isfinite(units) & (units > 0)
    contents, spread, units = contents[good], spread[good], units[good]
    shape = contents.shape[1:]
    flat = (len(units), math.prod(shape))
    contents, spread = contents.reshape(flat), spread.reshape(flat)
    quantiles = np.full((3, contents.shape[1]), np.nan)
    statistical = np.full(contents.shape[1], np.nan)
    known = np.isfinite(contents).any(axis=0)
    if known.any():
        column, each = units[:, None], contents[:, known]
        quantiles[:, known] = _quantiles(each / column)
        statistical[known] = _mean(spread[:, known] / column**2)
        if variances is None:
            quantiles[0, known] = _centre(each, column, quantiles[0, known])
    lower, upper = np.minimum(quantiles[1], quantiles[0]), np.maximum(quantiles[2], quantiles[0])
    parts = (quantiles[0], lower, upper, statistical)
    return Band(*(part.reshape(shape) for part in parts))


def _quantiles(values: Floats) -> Floats:
    """[3, bins]: median, lower and upper."""
    levels = [0.5, _LOW, _HIGH]
    if np.isfinite(values).all():
        return np.quantile(values, levels, axis=0)
    return np.nanquantile(values, levels, axis=0)


def _mean(values: Floats) -> Floats:
    """[bins]: the mean of what is known; 0 without."""
    known = np.isfinite(values)
    total: Floats = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return total


def _centre(counts: Floats, units: Floats, medians: Floats) -> Floats:
    """The medians, but the mean of tame counts where there are few."""
    middle = np.nanmedian(counts, axis=0)
    tame = counts <= middle + 5 * (1 + np.sqrt(middle + 1))
    # Of all units together: LSs with few weigh as little as they know.
    mean = np.where(tame, counts, 0.0).sum(axis=0) / np.where(tame, units, 0.0).sum(axis=0)
    return np.where(middle < _FEW, mean, medians)
