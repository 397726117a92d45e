"""The bins that failed a test, the worst first: of all rows of a stack at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Axis
from dqmstream.messages.quality import BadChannel
from dqmstream.quality.algorithm import Findings
from dqmstream.quality.bins import bin_label

__all__ = ["MAX_BAD_CHANNELS", "WorstBins"]

MAX_BAD_CHANNELS: Final = 20
"""Failed bins a report lists; it counts all of them."""


class WorstBins:
    """Failed bins of each row, worst first and then in order of bins.

    Rows of a stack have the same axes, so the label of a bin is made once, when a row first lists
    it.

    Parameters
    ----------
    findings
        Of n elements; a bin has failed if it has a severity.
    axes
        Those of the elements.
    """

    def __init__(self, findings: Findings, axes: tuple[Axis, ...]) -> None:
        self._axes, self._first = axes, findings.first_bin
        self._named: dict[int, tuple[tuple[int, ...], str]] = {}
        self._shape: tuple[int, ...] = ()
        self._counts, self._ends = list[int](), list[int]()
        self._bins, self._contents = list[int](), list[float]()
        if findings.severity is not None and findings.content is not None:
            self._shape = findings.severity.shape[1:]
            self._find(findings.severity, findings.content)

    def _find(self, severity: NDArray[np.float64], content: NDArray[np.float64]) -> None:
        flat = severity.reshape(len(severity), -1)
        rows, bins = np.nonzero(flat)
        counts = np.bincount(rows, minlength=len(flat))
        # Stable: what is equally severe stays in order of bins.
        order = np.lexsort((-flat[rows, bins], rows))
        before = np.repeat(counts.cumsum() - counts, counts)
        listed = order[np.arange(len(order)) - before < MAX_BAD_CHANNELS]
        self._counts = counts.tolist()
        self._ends = np.minimum(counts, MAX_BAD_CHANNELS).cumsum().tolist()
        self._bins = bins[listed].tolist()
        held = content.reshape(len(content), -1)
        self._contents = held[rows[listed], bins[listed]].tolist()

    def of(self, row: int) -> tuple[tuple[BadChannel, ...], int]:
        """The worst failed bins of a row, and how many have failed in all.

        Raises
        ------
        IndexError, ValueError
            If a bin is none of the axes'.
        """
        if not self._counts or not self._counts[row]:
            return (), 0
        some = slice(self._ends[row - 1] if row else 0, self._ends[row])
        channels = [
            BadChannel(bins=place, content=held, label=label)
            for (place, label), held in zip(
                map(self._name, self._bins[some]), self._contents[some], strict=True
            )
        ]
        return tuple(channels), self._counts[row]

    def _name(self, flat: int) -> tuple[tuple[int, ...], str]:
        if (named := self._named.get(flat)) is None:
            found = np.unravel_index(flat, self._shape)
            place = tuple(int(each) + self._first for each in found)
            named = self._named[flat] = place, bin_label(self._axes, place)
        return named
