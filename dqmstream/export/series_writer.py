"""What writers of series have in common: pieces in, bytes out, rows counted."""

import io
from collections.abc import Iterator
from typing import Any, Protocol

from dqmstream.export.series import Piece, Series

__all__ = ["Drain", "RowCount", "SeriesWriter"]


class SeriesWriter(Protocol):
    """Turns pieces, in rising order of LSs, into the bytes of a file."""

    def piece(self, piece: Piece) -> bytes:
        """What can be sent once this piece is known."""
        ...

    def end(self) -> Iterator[bytes]:
        """The rest, after the last piece.

        Raises
        ------
        ValueError
            If there were fewer or more rows than announced.
        """
        ...

    def close(self) -> None:
        """Let go of what is held, finished or not."""
        ...


class Drain(io.RawIOBase):
    """A sink whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held.append(bytes(data))
        return len(self._held[-1])

    def take(self) -> bytes:
        taken, self._held = b"".join(self._held), []
        return taken


class RowCount:
    """Counts rows against what was announced."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._rows = 0

    def add(self, piece: Piece) -> None:
        self._rows += len(piece.lumisections)

    def check(self) -> None:
        if self._rows != self._series.rows:
            msg = (
                f"run {self._series.about.run} {self._series.place.element.path}: {self._rows} LSs "
                f"came, {self._series.rows} were announced"
            )
            raise ValueError(msg)
