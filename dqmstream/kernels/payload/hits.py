"""Hits of tracks: what stands in the packed patterns of `reco::HitPattern`.

A pattern is one stream of bits in 16-bit words, lowest bit first, 12 bits a hit: bits 11-10 the
detector (1 the tracker), 9-7 its part (1 and 2 pixel, 3 to 6 strips), 6-3 the layer, 2 whether it
is a stereo module, 1-0 what became of the hit. The hits of a track are those from its begin to
its end; others are expected ones before its first and behind its last. Facts: CMSSW
`DataFormats/TrackReco/interface/HitPattern.h`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.compile import kernel

__all__ = ["HIT_COUNTS", "WORDS", "count_hits"]

HIT_COUNTS: Final = (
    "hits",
    "pixel_hits",
    "strip_hits",
    "missing_hits",
    "inactive_hits",
    "pixel_layers",
    "strip_layers",
)
"""What is counted for a track, in the order of the columns."""

WORDS: Final = 57
"""Of a pattern, 16 bits each."""
_BITS: Final = 12
_MOST_HITS: Final = WORDS * 16 // _BITS
_TRACKER: Final = 1
_FIRST_STRIP: Final = 3
_LAST_PART: Final = 6
_VALID, _MISSING, _INACTIVE = 0, 1, 2


def count_hits(
    patterns: NDArray[np.uint16], begins: NDArray[np.uint8], ends: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Hits of the tracker by kind, and layers with a valid hit.

    Parameters
    ----------
    patterns
        uint16[tracks, 57].
    begins, ends
        uint8[tracks]: the track's hits are those from begin up to, not including, end. What lies
        beyond the pattern's 76 hits is none.

    Returns
    -------
    counts
        uint8[tracks, 7], in the order of `HIT_COUNTS`.
    """
    counts = np.zeros((len(patterns), len(HIT_COUNTS)), np.uint8)
    _count(
        np.ascontiguousarray(patterns, np.uint16),
        np.ascontiguousarray(begins, np.uint8),
        np.ascontiguousarray(ends, np.uint8),
        counts,
    )
    return counts


@kernel
def _bits_set(word: Any) -> int:
    count = 0
    while word != np.uint64(0):
        word &= word - np.uint64(1)
        count += 1
    return count


@kernel
def _count(patterns: Any, begins: Any, ends: Any, counts: Any) -> None:
    one = np.uint64(1)
    for track in range(patterns.shape[0]):
        pixel_layers, strip_layers = np.uint64(0), np.uint64(0)
        end: Any = min(np.int64(ends[track]), _MOST_HITS)
        for hit in range(begins[track], end):
            bit = hit * _BITS
            word, shift = bit >> 4, bit & 15
            packed = np.int64(patterns[track, word]) >> shift
            if shift > 16 - _BITS:
                packed |= np.int64(patterns[track, word + 1]) << (16 - shift)
            if (packed >> 10) & 3 != _TRACKER:
                continue
            part, layer, kind = (packed >> 7) & 7, (packed >> 3) & 15, packed & 3
            if kind == _MISSING:
                counts[track, 3] += 1
            elif kind == _INACTIVE:
                counts[track, 4] += 1
            elif kind == _VALID:
                counts[track, 0] += 1
                if 0 < part < _FIRST_STRIP:
                    counts[track, 1] += 1
                    pixel_layers |= one << np.uint64((part - 1) * 16 + layer)
                elif _FIRST_STRIP <= part <= _LAST_PART:
                    counts[track, 2] += 1
                    strip_layers |= one << np.uint64((part - _FIRST_STRIP) * 16 + layer)
        counts[track, 5] = _bits_set(pixel_layers)
        counts[track, 6] = _bits_set(strip_layers)
