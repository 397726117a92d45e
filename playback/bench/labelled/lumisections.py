"""Histograms of single LSs with the verdicts of people, as read from a file."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Labelled", "read_labelled"]

_COLUMNS: Final = ("fromrun", "fromlumi", "histo", "Json", "DCSbit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """One histogram in n LSs.

    Parameters
    ----------
    run, lumisection
        int64[n].
    counts
        float64[n, bins], under- and overflow first and last.
    good
        bool[n]: certified as good for physics.
    on
        bool[n]: the detector had its voltage.
    """

    run: NDArray[np.int64]
    lumisection: NDArray[np.int64]
    counts: NDArray[np.float64]
    good: NDArray[np.bool_]
    on: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.run)

    @property
    def entries(self) -> NDArray[np.float64]:
        """float64[n]."""
        total: NDArray[np.float64] = self.counts.sum(axis=1)
        return total

    def part(self, which: NDArray[np.bool_]) -> Self:
        """Some of the LSs."""
        return type(self)(
            run=self.run[which],
            lumisection=self.lumisection[which],
            counts=self.counts[which],
            good=self.good[which],
            on=self.on[which],
        )


def read_labelled(path: Path) -> Labelled:
    """Read a CSV file, compressed, with a JSON list of contents in each row.

    Raises
    ------
    ValueError
        If a column is missing, or histograms differ in length.
    """
    csv.field_size_limit(1 << 24)
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or any(name not in rows[0] for name in _COLUMNS):
        got = ", ".join(rows[0] if rows else ())
        msg = f"{path}: expected columns {', '.join(_COLUMNS)}, got {got}"
        raise ValueError(msg)
    counts = [msgspec.json.decode(row["histo"], type=list[float]) for row in rows]
    return Labelled(
        run=np.array([int(row["fromrun"]) for row in rows]),
        lumisection=np.array([int(row["fromlumi"]) for row in rows]),
        counts=np.array(counts),
        good=np.array([row["Json"] == "True" for row in rows]),
        on=np.array([row["DCSbit"] == "True" for row in rows]),
    )
