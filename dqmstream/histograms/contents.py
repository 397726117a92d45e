"""Contents of one workspace: the flat buffer and what travels beside it. Sums are exact."""

import sys
from collections.abc import Iterable, Mapping
from typing import Self

import numpy as np
import zstandard
from numpy.typing import NDArray

from dqmstream.errors import MessageError, WindowError
from dqmstream.histograms.layout import MAX_CELL_ENTRIES_WINDOW, Layout
from dqmstream.messages.booking import Scalar
from dqmstream.messages.histograms import ScalarValue

__all__ = ["Contents", "combine_scalars"]

_LEVEL = 1


class Contents:
    """Cells, scalars and invalid elements of a workspace over some window.

    Parameters
    ----------
    layout
        The booking's layout.
    cells
        int64[layout.cells], owned by this object.
    scalars
        Element index to value, for scalar and text elements that have one.
    invalid
        Element index to why it could not be filled.
    """

    __slots__ = ("cells", "invalid", "layout", "scalars")

    def __init__(
        self,
        layout: Layout,
        cells: NDArray[np.int64],
        scalars: Mapping[int, ScalarValue] | None = None,
        invalid: Mapping[int, str] | None = None,
    ) -> None:
        if cells.shape != (layout.cells,) or cells.dtype != np.int64:
            msg = (
                f"workspace {layout.workspace!r}: expected int64[{layout.cells}] cells, "
                f"got {cells.dtype}{list(cells.shape)}"
            )
            raise WindowError(msg)
        self.layout = layout
        self.cells = cells
        self.scalars = dict(scalars or {})
        self.invalid = dict(invalid or {})

    @classmethod
    def empty(cls, layout: Layout) -> Self:
        """Nothing filled yet."""
        return cls(layout, np.zeros(layout.cells, np.int64))

    @classmethod
    def total(cls, layout: Layout, parts: Iterable["Contents"]) -> Self:
        """Sum of several contents of one layout, in the order given."""
        result = cls.empty(layout)
        for part in parts:
            result.add(part)
        return result

    def copy(self) -> "Contents":
        return Contents(self.layout, self.cells.copy(), self.scalars, self.invalid)

    def add(self, other: "Contents", *, same_lumisection: bool = False) -> None:
        """Sum `other` into this one.

        For `last` and text the value of `other` wins if it is of a later LS, or, within the
        `same_lumisection`, if it comes from the greater (source, chunk number).

        Raises
        ------
        WindowError
            If the bookings differ, or a fixed-point sum could overflow.
        """
        if other.layout.hash != self.layout.hash:
            msg = (
                f"workspace {self.layout.workspace!r}: bookings {self.layout.hash} and "
                f"{other.layout.hash} differ and are never summed"
            )
            raise WindowError(msg)
        self.cells += other.cells
        self._check_room()
        self.scalars = combine_scalars(
            self.layout, self.scalars, other.scalars, same_lumisection=same_lumisection
        )
        for index, reason in other.invalid.items():
            self.mark_invalid(index, reason)

    def mark_invalid(self, index: int, reason: str) -> None:
        """Element `index` could not be filled. Of several reasons the first by spelling stays, so
        that the order of chunks and parts never matters."""
        self.invalid[index] = min(self.invalid.get(index, reason), reason)

    def equals(self, other: "Contents") -> bool:
        """Bit for bit the same contents."""
        return (
            self.layout.hash == other.layout.hash
            and bool(np.array_equal(self.cells, other.cells))
            and self.scalars == other.scalars
            and self.invalid == other.invalid
        )

    def encode(self) -> bytes:
        """Cells as they travel: zstd over little-endian int64."""
        cells = self.cells if sys.byteorder == "little" else self.cells.astype("<i8")
        return zstandard.ZstdCompressor(level=_LEVEL).compress(cells.data)

    @classmethod
    def decode(
        cls,
        layout: Layout,
        block: bytes,
        scalars: Mapping[int, ScalarValue] | None = None,
        invalid: Mapping[int, str] | None = None,
    ) -> Self:
        """Contents from `encode`'s bytes.

        Raises
        ------
        MessageError
            With reason `bad_cells` if the block is broken or of another size than the layout's.
        """
        expected = layout.cells * 8
        try:
            # Never more than the layout allows, whatever the block claims of itself.
            with zstandard.ZstdDecompressor().stream_reader(block) as reader:
                raw = reader.read(expected + 1)
        except zstandard.ZstdError as error:
            raise MessageError("bad_cells", f"workspace {layout.workspace!r}: {error}") from error
        if len(raw) != expected:
            detail = (
                f"workspace {layout.workspace!r}: cells are {len(raw)} bytes or more, "
                f"expected {expected}"
            )
            raise MessageError("bad_cells", detail)
        bad = [i for i in (*(scalars or {}), *(invalid or {})) if not 0 <= i < len(layout.elements)]
        if bad:
            detail = f"workspace {layout.workspace!r}: no elements {bad[:5]}"
            raise MessageError("bad_cells", detail)
        cells = np.frombuffer(raw, "<i8").astype(np.int64)
        return cls(layout, cells, scalars, invalid)

    def _check_room(self) -> None:
        for element in self.layout.elements:
            if element.planes != 3:
                continue
            entries = self.cells[element.offset : element.offset + element.cells]
            if entries.size and entries.max() > MAX_CELL_ENTRIES_WINDOW:
                msg = (
                    f"{element.element.path}: a cell holds {entries.max()} entries, more than "
                    f"{MAX_CELL_ENTRIES_WINDOW}: its fixed-point sums could overflow; "
                    "ask for a shorter window"
                )
                raise WindowError(msg)


def combine_scalars(
    layout: Layout,
    first: Mapping[int, ScalarValue],
    second: Mapping[int, ScalarValue],
    *,
    same_lumisection: bool,
) -> dict[int, ScalarValue]:
    """Scalars of two parts of one LS, or of one window and a later one, together."""
    result = dict(first)
    for index, value in second.items():
        before = result.get(index)
        if before is None:
            result[index] = value
        else:
            result[index] = _combined(layout, index, before, value, same_lumisection)
    return result


def _combined(
    layout: Layout, index: int, first: ScalarValue, second: ScalarValue, same_lumisection: bool
) -> ScalarValue:
    element = layout.elements[index].element
    if not isinstance(element, Scalar) or element.combine == "last":
        return max(first, second, key=_rank) if same_lumisection else second
    a, b = first.value, second.value
    if isinstance(a, str) or isinstance(b, str):
        msg = f"{element.path}: a number cannot be combined with text: {a!r}, {b!r}"
        raise WindowError(msg)
    match element.combine:
        case "sum":
            return ScalarValue(value=a + b)
        case "min":
            return ScalarValue(value=min(a, b))
        case _:
            return ScalarValue(value=max(a, b))


def _rank(value: ScalarValue) -> tuple[str, int, str]:
    """Order of values of one LS. Two lives of a live source may send chunks of one number: any
    order will do, so long as the values alone decide it."""
    return value.source, value.number, repr(value.value)
