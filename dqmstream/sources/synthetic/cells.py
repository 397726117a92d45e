"""The cells of a detector: its smallest channels, how often each is hit, and their addresses."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

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
    columns
        Member name to array[cells]. Integer ones can be used in addresses, all are looked up by
        `members`.
    weights
        float[cells]: how often each cell is hit, relative to the others; None: all the same.
    """

    def __init__(
        self, columns: Mapping[str, npt.NDArray[Any]], weights: npt.ArrayLike | None = None
    ) -> None:
        self._columns = dict(columns)
        self._size = len(next(iter(self._columns.values()), ()))
        self._weights = np.ones(self._size) if weights is None else np.asarray(weights, float)
        self._chooser = _chooser(self._weights)

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
        if not at:
            return self._chooser.draw(rng, n)
        matching = np.flatnonzero(self.matching(at))
        chosen: npt.NDArray[np.intp] = matching[_chooser(self._weights[matching]).draw(rng, n)]
        return chosen

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


class _Chooser(NamedTuple):
    """Draws numbers by weight: one at random, or with a probability of its own another instead.

    A. J. Walker's alias method, ACM Trans. Math. Softw. 3 (1977) 253: two random numbers and two
    look-ups for each draw, whatever the weights. `kept` float32[cells] is the probability to stay
    with the cell, `other` int32[cells] where to go else; both None: all weights are equal.
    """

    cells: int
    kept: npt.NDArray[np.float32] | None
    other: npt.NDArray[np.int32] | None

    def draw(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
        chosen = rng.integers(0, self.cells, n, dtype=np.int32)
        if self.kept is None or self.other is None:
            return chosen
        moved = rng.random(n, dtype=np.float32) >= self.kept[chosen]
        return np.where(moved, self.other[chosen], chosen)


def _chooser(weights: npt.NDArray[np.float64]) -> _Chooser:
    cells = len(weights)
    if cells == 0 or (weights == weights[0]).all():
        return _Chooser(cells, None, None)
    kept = weights * (cells / weights.sum())
    other = np.arange(cells, dtype=np.int32)
    poor = [cell for cell in range(cells) if kept[cell] < 1]
    rich = [cell for cell in range(cells) if kept[cell] >= 1]
    while poor and rich:
        giver, taker = rich[-1], poor.pop()
        other[taker] = giver
        kept[giver] -= 1 - kept[taker]
        if kept[giver] < 1:
            poor.append(rich.pop())
    # What rounding leaves over is worth one cell each.
    kept[poor + rich] = 1
    return _Chooser(cells, kept.astype(np.float32), other)
