"""Colours of images: the same as the page's. The map is even in lightness, and for all eyes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACKGROUND", "FRAME", "INK", "LINE", "MUTED", "heat_colours"]

BACKGROUND: Final = (255, 255, 255)
INK: Final = (24, 28, 36)
MUTED: Final = (104, 112, 128)
FRAME: Final = (196, 202, 212)
LINE: Final = (0, 114, 178)

# Anchors of matplotlib's viridis (CC0), from low to high.
_ANCHORS: Final = np.array(
    [
        (68, 1, 84),
        (72, 40, 120),
        (62, 73, 137),
        (49, 104, 142),
        (38, 130, 142),
        (31, 158, 137),
        (53, 183, 121),
        (110, 206, 88),
        (181, 222, 43),
        (253, 231, 37),
    ],
    dtype=np.float64,
)


def heat_colours(fractions: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours uint8[..., 3] of fractions 0 to 1; NaN is the background."""
    at = np.clip(np.nan_to_num(fractions), 0.0, 1.0) * (len(_ANCHORS) - 1)
    low = np.minimum(at.astype(np.int64), len(_ANCHORS) - 2)
    share = (at - low)[..., np.newaxis]
    colours: NDArray[np.float64] = _ANCHORS[low] * (1 - share) + _ANCHORS[low + 1] * share
    colours[np.isnan(fractions)] = BACKGROUND
    rounded: NDArray[np.uint8] = colours.round().astype(np.uint8)
    return rounded
