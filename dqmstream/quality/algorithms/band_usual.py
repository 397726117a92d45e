"""What RobustBand says of the LSs that a band is made of."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithms.band import RobustBand, robust_band
from dqmstream.quality.bands import make_band
from dqmstream.quality.stack import BandStack, Stack

__all__ = ["usual_squares"]

Floats = NDArray[np.float64]

_PARTS: Final = 4
_ENOUGH: Final = 100


def usual_squares(
    members: Stack, contents: Floats, units: Floats, variances: Floats | None = None
) -> tuple[float, float, float] | None:
    """Mean, variance and third central moment of the sum of squares of pulls per degree of freedom.

    Each quarter of the members (every fourth LS) is judged by the band of the others, so that no LS
    is in the band that it is judged by.

    Parameters
    ----------
    members
        The element in m LSs, one a row.
    contents, units, variances
        [m, bins...], [m] and [m, bins...] as `make_band` takes them; units are positive.

    Returns
    -------
    tuple
        None of fewer than 100 LSs that could be judged: a third moment needs them.
    """
    if len(members) < _ENOUGH:
        return None
    part = np.arange(len(members)) % _PARTS
    ratios = []
    for one in range(_PARTS):
        asked, rest = part == one, part != one
        band = make_band(
            contents[rest], units[rest], None if variances is None else variances[rest]
        )
        judged = replace(
            members,
            entries=members.entries[asked],
            sums=None if members.sums is None else members.sums[asked],
            squares=None if members.squares is None else members.squares[asked],
            bands=(BandStack.of_one(band, units[asked], int(rest.sum())),),
        )
        found = robust_band(judged, RobustBand())
        if found.statistic is None or found.ndof is None:
            continue
        told = found.ndof > 0
        ratios.append(found.statistic[told] / found.ndof[told])
    every = np.concatenate(ratios) if ratios else np.zeros(0)
    if len(every) < _ENOUGH:
        return None
    apart = every - every.mean()
    return float(every.mean()), float((apart**2).mean()), float((apart**3).mean())
