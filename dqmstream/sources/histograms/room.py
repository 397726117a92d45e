"""How much memory files may claim when they are unpacked: a small file may claim any size."""

from pathlib import Path
from typing import Final

from dqmstream.errors import SourceError
from dqmstream.sources.histograms.histogram import Found, ImportedHistogram, Rejected

__all__ = ["MOST_BYTES", "Room"]

MOST_BYTES: Final = 4 << 30
"""Of the histograms of one import together, and of what any reader unpacks at a time."""
_OF_ONE: Final = 1_000
"""Bytes of a histogram besides its bins."""


class Room:
    """Bytes that an import may still take. All its files share them, as all is kept until it is
    fitted together.

    Parameters
    ----------
    most
        In all.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self._taken = 0

    def check(self, path: Path, size: int, what: str = "") -> None:
        """Refuse what would not fit, before it is unpacked.

        Parameters
        ----------
        size
            Bytes it will be.
        what
            Of the file, if it is not all of it.

        Raises
        ------
        SourceError
            With reason `file_too_large`.
        """
        if self._taken + size > self.most:
            where = f"{path}, {what}" if what else str(path)
            before = f" after {self._taken} of what came before" if self._taken else ""
            detail = (
                f"{where}: {size} bytes unpacked{before}, an import may have {self.most}: "
                "import fewer LSs, runs or elements at a time"
            )
            raise SourceError("file_too_large", detail)

    def take(self, path: Path, found: Found) -> None:
        """Count what is kept of a file. SourceError as of `check` if there is no room for it."""
        size = _OF_ONE + (_bytes(found) if isinstance(found, ImportedHistogram) else 0)
        self.check(path, size, _named(found))
        self._taken += size


def _bytes(found: ImportedHistogram) -> int:
    arrays = (found.values, found.counts, found.squares)
    return sum(array.nbytes for array in arrays if array is not None)


def _named(found: ImportedHistogram | Rejected) -> str:
    return found.where if isinstance(found, ImportedHistogram) else found.reason
