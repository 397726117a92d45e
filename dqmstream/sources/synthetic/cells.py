"""The cells of a detector: its smallest channels, how often each is hit, and their addresses."""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dqmstream.errors import ConfigurationError

__all__ = ["Address", "Cells", "parse_address"]

Address = tuple[tuple[str, int], ...]
"""Which cells are meant: pairs of member and value, all of which hold."""

_PART: Final = re.compile(r"([a-z_]+?)(-?\d{1,9})")


def parse_address(text: str) -> Address:
    """Address out of `layer1/module37`: parts of member name and integer, joined by slashes.

    Raises
    ------
    ConfigurationError
        If a part is not a name and an integer, or a name comes twice.
    """
    matches = [_PART.fullmatch(part) for part in text.split("/")]
    address = tuple((match[1], int(match[2])) for match in matches if match)
    if len(address) < len(matches) or len(dict(address)) < len(address):
        msg = f"address {text!r}: expected parts like 'layer1/module37', each name once"
        raise ConfigurationError(msg)
    return address


class Cells:
    """A table with one row per cell.

    Parameters
    ----------
    weights
        float[cells]: how often each cell is hit, relative to the others; None: all the same.
    columns
        Member name to array[cells]. Integer ones can be used in addresses, all are looked up by
        `members`.
    """

    def __init__(
        self, columns: Mapping[str, npt.NDArray[Any]], weights: npt.ArrayLike | None = None
    ) -> None:
        self._columns = dict(columns)
        self._size = len(next(iter(self._columns.values()), ()))
        self._weights = np.ones(self._size) if weights is None else np.asarray(weights, float)
        self._cumulative = None if weights is None else _cumulative(self._weights)

    def __len__(self) -> int:
        return self._size

    @property
    def names(self) -> tuple[str, ...]:
        """Members that addresses can name."""
        return tuple(name for name, column in self._columns.items() if column.dtype.kind in "iu")

    def draw(
        self, rng: np.random.Generator, n: int, at: Address = ()
    ) -> npt.NDArray[np.integer[Any]]:
        """Numbers of `n` cells, drawn by weight out of those at an address."""
        if at:
            matching = np.flatnonzero(self.matching(at))
            cumulative = _cumulative(self._weights[matching])
            chosen: npt.NDArray[np.intp] = matching[_draw(rng, n, len(matching), cumulative)]
            return chosen
        return _draw(rng, n, self._size, self._cumulative)

    def members(self, chosen: npt.NDArray[np.integer[Any]]) -> dict[str, npt.NDArray[Any]]:
        """All columns of the chosen cells."""
        return {name: column[chosen] for name, column in self._columns.items()}

    def matching(self, at: Address) -> npt.NDArray[np.bool_]:
        """bool[cells]: which cells are at an address."""
        found = np.ones(self._size, np.bool_)
        for name, value in at:
            found &= self._columns[name] == value
        return found

    def share(self, at: Address) -> float:
        """Fraction of all hits that fall on the cells at an address."""
        return float(self._weights[self.matching(at)].sum() / self._weights.sum())

    def checked(self, at: Address) -> Address:
        """The address, if it names members that there are and at least one cell.

        Raises
        ------
        ConfigurationError
            Else, with the ranges of all members.
        """
        unknown = [name for name, _ in at if name not in self.names]
        if unknown or not self.matching(at).any():
            where = "/".join(f"{name}{value}" for name, value in at)
            ranges = ", ".join(
                f"{name} {self._columns[name].min()} to {self._columns[name].max()}"
                for name in self.names
            )
            msg = f"nothing is at {where!r}: expected {ranges or 'no address at all'}"
            raise ConfigurationError(msg)
        return at


def _cumulative(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    total = np.cumsum(weights)
    cumulative: npt.NDArray[np.float32] = (total / total[-1]).astype(np.float32)
    return cumulative


def _draw(
    rng: np.random.Generator, n: int, cells: int, cumulative: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.integer[Any]]:
    if cumulative is None:
        return rng.integers(0, cells, n, dtype=np.int32)
    chosen = np.searchsorted(cumulative, rng.random(n, dtype=np.float32), side="right")
    return np.minimum(chosen, cells - 1)
